"""The storage host beside the shop: uploads for bulk mutations, results of bulk operations (rows 85, 86)."""

from pathlib import Path
from xml.sax.saxutils import escape

from fastapi import APIRouter, Request
from fastapi.responses import FileResponse, Response
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException

from fakeshop.mutations.bulk import INPUT_BYTES
from fakeshop.records import BulkOperation, StagedUpload
from fakeshop.shop import Shop
from fakeshop.world import World

POLICY_LIFE = 86_400
PUT_LIFE = 604_800
CHUNK = 1 << 20


def failure(status: int, code: str, message: str) -> Response:
    """Answer as object storage does."""
    error = f"<Error><Code>{code}</Code><Message>{escape(message)}</Message></Error>"
    body = f"<?xml version='1.0' encoding='UTF-8'?>{error}"
    return Response(body, status, media_type="application/xml")


def router(world: World) -> APIRouter:
    """Build the routes under /_storage/."""
    storage = APIRouter(prefix="/_storage")

    @storage.post("/")
    async def post(request: Request) -> Response:
        try:
            form = await request.form(max_files=1)
        except MultiPartException as error:
            return failure(400, "MalformedPOSTRequest", error.message)
        items = form.multi_items()
        if not items or items[-1][0] != "file" or not isinstance(items[-1][1], UploadFile):
            return failure(400, "InvalidArgument", "The form must end with one field named file.")
        fields = {name: value for name, value in items[:-1] if isinstance(value, str)}
        found = upload_of(world, fields.get("key", ""), "POST")
        if found is None:
            return failure(403, "AccessDenied", "There is no policy for this key.")
        shop, upload = found
        if any(fields.get(name) != value for name, value in upload.fields.items()):
            return failure(403, "AccessDenied", "The form does not have the fields of the policy.")
        if shop.clock.now() - upload.created > POLICY_LIFE:
            return failure(403, "AccessDenied", "The policy has expired.")
        size = items[-1][1].size or 0
        if size > INPUT_BYTES:
            return failure(
                400, "EntityTooLarge", "Your proposed upload exceeds the maximum allowed object size."
            )
        if size < 1:
            return failure(
                400, "EntityTooSmall", "Your proposed upload is smaller than the minimum object size."
            )
        with target(world, upload).open("wb") as file:
            while chunk := await items[-1][1].read(CHUNK):
                file.write(chunk)
        keep(shop, upload, size)
        body = (
            "<?xml version='1.0' encoding='UTF-8'?><PostResponse>"
            f"<Location>{escape(str(request.url))}{escape(upload.key)}</Location><Bucket>fakeshop</Bucket>"
            f"<Key>{escape(upload.key)}</Key><ETag>&quot;{upload.id}&quot;</ETag></PostResponse>"
        )
        return Response(body, 201, media_type="application/xml")

    @storage.put("/{key:path}")
    async def put(request: Request, key: str) -> Response:
        found = upload_of(world, key.removeprefix("_storage/"), "PUT")
        if found is None:
            return failure(403, "AccessDenied", "There is no signed address for this key.")
        shop, upload = found
        if shop.clock.now() - upload.created > PUT_LIFE:
            return failure(403, "AccessDenied", "The address has expired.")
        size = 0
        with target(world, upload).open("wb") as file:
            async for chunk in request.stream():
                size += len(chunk)
                file.write(chunk)
        keep(shop, upload, size)
        return Response(status_code=200)

    @storage.get("/{handle}/{name}")
    async def result(handle: str, name: str) -> Response:
        shop = world.shops.get(handle)
        operations = shop.all(BulkOperation).values() if shop else ()
        operation = next((one for one in operations if one.file == name), None)
        if shop is None or operation is None:
            return failure(404, "NoSuchKey", "The specified key does not exist.")
        if shop.clock.now() - operation.completed > PUT_LIFE:
            return failure(400, "ExpiredToken", "The provided token has expired.")
        return FileResponse(world.files / name, media_type="application/jsonl")

    return storage


def upload_of(world: World, key: str, method: str) -> tuple[Shop, StagedUpload] | None:
    """Find what a key was handed out for."""
    for shop in world.shops.values():
        for upload in shop.all(StagedUpload).values():
            if upload.key == key and upload.method == method:
                return shop, upload
    return None


def target(world: World, upload: StagedUpload) -> Path:
    """Return the file of an upload."""
    return world.files / f"upload-{upload.id}"


def keep(shop: Shop, upload: StagedUpload, size: int) -> None:
    """Remember that a file has come."""
    upload.size = size
    shop.put(upload)
    shop.commit()
