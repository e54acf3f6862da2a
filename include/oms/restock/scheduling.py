"""What a person does with scheduled restocks in Airflow: prepare, list, reschedule, change, cancel."""

import logging
from collections.abc import Mapping
from datetime import date
from typing import Any

from oms import crashpoints, servers
from oms.imports import arrival
from oms.parameters import BadParameter
from oms.remote import folder_of, is_about_a_file, make_folders, rename
from oms.restock import preparing
from oms.restock.errors import RestockRefused
from oms.restock.preparing import Chosen, Restock
from oms.work import Work

log = logging.getLogger(__name__)

PREPARED = crashpoints.register("restock.prepared", "restocks are prepared, their file is not moved yet")

PREPARE, RESCHEDULE, CHANGE_ITEMS, CANCEL, LIST = "prepare", "reschedule", "change_items", "cancel", "list"
ACTIONS = (PREPARE, RESCHEDULE, CHANGE_ITEMS, CANCEL, LIST)
LARGEST = 10 << 20
"""Bytes of a file of restocks; one row is about 80."""
OPEN = ("PENDING", "RECEIVED")


def schedule(work: Work) -> dict[str, Any]:
    """Do what `action` says; return counts. Raises RestockRefused and BadParameter before any effect."""
    action = work.params["action"]
    if action == PREPARE:
        return _prepare_files(work)
    if action == LIST:
        return _told(preparing.listed(work.conn, OPEN))
    shipment_id = shipment_of(work.params)
    if shipment_id is None:
        raise BadParameter("shipmentId", None, f"the shipment that {action} is about")
    with work.conn.transaction(force_rollback=work.params["dryRun"]):
        if action == RESCHEDULE:
            changed = preparing.reschedule(work.conn, shipment_id, _run_time(work.params))
        elif action == CHANGE_ITEMS:
            changed = preparing.change_items(work.conn, shipment_id, work.params["items"] or {})
        else:
            changed = preparing.cancel(work.conn, shipment_id)
    return _told([changed])


def shipment_of(params: Mapping[str, Any]) -> int | None:
    """The shipment that a run names, as a number. Raises BadParameter if it is none."""
    said = params["shipmentId"]
    if said is None:
        return None
    if not str(said).isascii() or not str(said).isdigit() or len(str(said)) > 18:
        raise BadParameter("shipmentId", said, "the number of a shipment, such as 10000")
    return int(said)


def _run_time(params: Mapping[str, Any]) -> str:
    if params["runTime"] is None:
        raise BadParameter("runTime", None, "the new time, such as 2026-12-01 09:00")
    return params["runTime"]


def chosen_of(params: Mapping[str, Any]) -> Chosen:
    """What the form says for the whole file. Raises BadParameter for a day that is none."""
    on = params["scheduleDate"]
    try:
        day = None if on is None else date.fromisoformat(on)
    except ValueError:
        raise BadParameter("scheduleDate", on, "a day, such as 2026-12-01") from None
    return Chosen(
        params["runTime"],
        day,
        params["facilityId"],
        params["productStoreId"],
        params["shopId"],
        params["jobName"],
    )


def _prepare_files(work: Work) -> dict[str, Any]:
    """Prepare what lies in the folder; a file that is refused stays there and keeps no other one waiting."""
    params, chosen = work.params, chosen_of(work.params)
    refused: list[str] = []
    restocks: list[Restock] = []
    dropped = 0
    with work.open_sftp(params["propertyResource"]) as sftp:
        servers.recognise(work.conn, params["propertyResource"], sftp)
        folder = folder_of(sftp, params["importPath"])
        by_hand = work.run_type == "manual"
        settled = arrival.find(sftp, {**params, "fileNameRegex": "*.csv"}, folder_must_exist=by_hand)
        files = arrival.still_there(sftp, folder, settled)
        if params["remoteFilename"] and not files:
            refused.append(f"{params['remoteFilename']} has changed or gone away since it was seen at rest")
        for file in files:
            try:
                content = _content(sftp, file)
                with work.conn.transaction(force_rollback=params["dryRun"]):
                    prepared = preparing.prepare(
                        work.conn, content, file.name, chosen, work.run_name, lies_at=_place_of(params, file)
                    )
            except RestockRefused as reason:
                log.error("%s is refused and stays where it is: %s", file.name, reason)
                refused.append(str(reason))
                continue
            except OSError as error:
                if not is_about_a_file(sftp, error):
                    raise
                refused.append(f"{file.path} cannot be read: {error}")
                continue
            restocks += prepared.restocks
            dropped += len(prepared.dropped)
            if not params["dryRun"]:
                crashpoints.point(PREPARED)
                number = prepared.restocks[0].shipment_id
                try:
                    make_folders(sftp, f"{folder}/archive")
                    rename(sftp, file.path, f"{folder}/archive/{number}_{file.name}")
                except FileNotFoundError:
                    log.warning("%s is not on the server any more: there is nothing to move", file.path)
                except OSError as error:
                    if not is_about_a_file(sftp, error):
                        raise
                    refused.append(f"{file.name} is prepared and stays where it is: {error}")
                    continue
                preparing.note_moved(work.conn, prepared.restocks)
    if refused:
        raise RestockRefused("; ".join(refused))
    if not files:
        log.info("no file in %s", folder)
    return _told(restocks) | {"files": len(files), "dropped": dropped}


def _place_of(params: Mapping[str, Any], file: arrival.RemoteFile) -> str:
    """A file as it lies on the server: one that is put there later has another moment."""
    return f"{params['propertyResource']}:{file.path}:{file.size}:{file.mtime}"


def _content(sftp: Any, file: arrival.RemoteFile) -> bytes:
    if file.size > LARGEST:
        raise RestockRefused(f"{file.name} has {file.size} bytes; a file of restocks has {LARGEST} at most")
    with sftp.open(file.path, "rb") as remote:
        content = remote.read(LARGEST + 1)
    if len(content) != file.size:
        raise RestockRefused(
            f"{file.name}: {len(content)} bytes came, the server reports {file.size}; left for the next look"
        )
    return content


def _told(restocks: list[Restock]) -> dict[str, Any]:
    for one in restocks:
        log.info("%s%s", one, "" if one.is_new else " (was there before)")
    return {
        "restocks": [one.shipment_id for one in restocks],
        "new": sum(one.is_new for one in restocks),
        "units": sum(one.units for one in restocks),
    }
