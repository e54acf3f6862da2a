"""Airflow's REST API as the sandbox, the demo and the end-to-end tests use it."""

import time
from datetime import UTC, datetime

import requests

COMPONENTS = ("scheduler", "triggerer", "dag_processor")


class AirflowApi:
    """A logged-in client. Raises requests.HTTPError for every answer that is an error."""

    def __init__(self, base_url: str, user: str, password: str) -> None:
        self.base_url = base_url.rstrip("/")
        self._credentials = {"username": user, "password": password}
        self._session = requests.Session()

    def login(self) -> None:
        answer = self._session.post(f"{self.base_url}/auth/token", json=self._credentials, timeout=60)
        answer.raise_for_status()
        self._session.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"

    def call(self, method: str, path: str, **arguments: object) -> dict:
        """Call `/api/v2/{path}`; logs in first, and again when the token has expired."""
        if "Authorization" not in self._session.headers:
            self.login()
        answer = self._send(method, path, arguments)
        if answer.status_code == 401:
            self.login()
            answer = self._send(method, path, arguments)
        if not answer.ok:
            raise requests.HTTPError(
                f"{method} {path}: {answer.status_code} {answer.text[:500]}", response=answer
            )
        return answer.json() if answer.content else {}

    def _send(self, method: str, path: str, arguments: dict) -> requests.Response:
        return self._session.request(method, f"{self.base_url}/api/v2/{path}", timeout=60, **arguments)

    def silent_components(self, since: datetime) -> list[str]:
        """Which parts of Airflow have not reported since that moment; all, while the API does not answer."""
        try:
            answer = requests.get(f"{self.base_url}/api/v2/monitor/health", timeout=5)
        except (requests.ConnectionError, requests.Timeout):
            return ["api-server", *COMPONENTS]
        if not answer.ok:
            return ["metadatabase", *COMPONENTS]
        health = answer.json()
        silent = []
        for name in COMPONENTS:
            beat = health[name][f"latest_{name}_heartbeat"]
            if health[name]["status"] != "healthy" or datetime.fromisoformat(beat) < since:
                silent.append(name)
        return silent

    def warm_up(self) -> None:
        """Have the API server prepare what tasks call: seconds of work, in which it answers nobody.

        Else the first task waits for it, and on a busy machine gives up.
        """
        requests.get(f"{self.base_url}/execution/health", timeout=300).raise_for_status()

    def ensure_pools(self, pools: dict[str, dict]) -> None:
        """Create the pools, or give those that exist the slots named here."""
        entities = [{"name": name, **pool} for name, pool in pools.items()]
        action = {"action": "create", "entities": entities, "action_on_existence": "overwrite"}
        answer = self.call("PATCH", "pools", json={"actions": [action]})
        done = answer["create"]
        if done.get("errors"):
            raise RuntimeError(f"pools were not created: {done['errors']}")

    def trigger(self, dag_id: str, conf: dict | None = None, run_id: str | None = None) -> str:
        """Start a run as the UI does; return its run id."""
        body = {"logical_date": None, "conf": conf or {}} | ({"dag_run_id": run_id} if run_id else {})
        return self.call("POST", f"dags/{dag_id}/dagRuns", json=body)["dag_run_id"]

    def run_state(self, dag_id: str, run_id: str) -> str:
        return self.call("GET", f"dags/{dag_id}/dagRuns/{run_id}")["state"]

    def wait_for_run(self, dag_id: str, run_id: str, seconds: float = 300) -> str:
        """Wait until the run has ended; return its state. Raises TimeoutError."""
        deadline = time.monotonic() + seconds
        while (state := self.run_state(dag_id, run_id)) not in ("success", "failed"):
            if time.monotonic() > deadline:
                raise TimeoutError(f"run {run_id} of {dag_id} is {state} after {seconds:.0f} s")
            time.sleep(0.2)
        return state

    def questions(self, dag_id: str) -> list[dict]:
        """What tasks of the DAG ask people and nobody has answered yet."""
        found = self.call("GET", f"dags/{dag_id}/dagRuns/~/hitlDetails")["hitl_details"]
        return [one for one in found if not one["response_received"]]

    def answer(self, task: dict, option: str) -> None:
        """Choose an option, as a person does under Required Actions; `task`: the instance that asks."""
        run = f"dags/{task['dag_id']}/dagRuns/{task['dag_run_id']}"
        path = f"{run}/taskInstances/{task['task_id']}/{task['map_index']}/hitlDetails"
        self.call("PATCH", path, json={"chosen_options": [option], "params_input": {}})

    def set_paused(self, dag_id: str, paused: bool) -> None:
        self.call("PATCH", f"dags/{dag_id}", json={"is_paused": paused})

    def dags(self) -> list[dict]:
        return self.call("GET", "dags", params={"limit": 1000})["dags"]

    def import_errors(self) -> list[dict]:
        return self.call("GET", "importErrors", params={"limit": 100})["import_errors"]


def now() -> datetime:
    return datetime.now(UTC)
