"""`python -m sandbox.compose_env`: make .env for docker-compose.yaml, with fresh secrets."""

import base64
import re
import secrets
import sys
from pathlib import Path

import asyncssh

from sandbox import processes
from sandbox.layout import PROJECT

OPTIONAL = {"SFTP_CLIENT_KEY_PUBLIC"}


def filled(example: str) -> str:
    """The example with a value for every name that had none, each generated for this call."""
    values = _generated()

    def fill(line: re.Match[str]) -> str:
        name = line["name"]
        return f"{name}={'' if name in OPTIONAL else values.get(name) or secrets.token_hex(24)}"

    return re.sub(r"^(?P<name>[A-Z0-9_]+)=$", fill, example, flags=re.MULTILINE)


def _generated() -> dict[str, str]:
    """Those values that are more than random letters."""
    host_key = asyncssh.generate_private_key("ssh-ed25519")
    return {
        "AIRFLOW_FERNET_KEY": base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
        "SFTP_HOST_KEY_BASE64": base64.b64encode(host_key.export_private_key()).decode(),
        "SFTP_HOST_KEY_PUBLIC": " ".join(host_key.export_public_key().decode().split()[:2]),
        "SHOPIFY_DEMO_TOKEN": f"shpat_{secrets.token_hex(16)}",
    }


def main(folder: Path = PROJECT) -> int:
    target = folder / ".env"
    if target.exists():
        sys.stdout.write(f"{target} exists and is kept\n")
        return 0
    processes.write_secret(target, filled((folder / ".env.example").read_text()))
    sys.stdout.write(f"{target} written; the login of Airflow is admin with AIRFLOW_ADMIN_PASSWORD\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
