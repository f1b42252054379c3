"""HTTP routes of ingest jobs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from kartra_sf_pipeline.localorg.bulk import files, multipart
from kartra_sf_pipeline.localorg.bulk.jobs import TERMINAL, Job, Jobs, job_info
from kartra_sf_pipeline.localorg.bulk.worker import Worker
from kartra_sf_pipeline.localorg.errors import NO_STORE, ApiError, RouterError, not_found
from kartra_sf_pipeline.localorg.requests import (
    json_body,
    note,
    parse_json,
    reply,
    store_of,
    version_of,
)

OPERATIONS = ("insert", "update", "upsert", "delete", "hardDelete")
# 100 MB of data is what Salesforce advises; base64 may bring it to 150.
LARGEST_UPLOAD = 150 * 1024 * 1024


def _jobs(request: Request) -> Jobs:
    return request.app.state.ingest


def _worker(request: Request) -> Worker:
    return request.app.state.worker


async def _job(request: Request) -> Job:
    job = await run_in_threadpool(_jobs(request).get, request.path_params["job"])
    if job is None:
        raise not_found()
    return job


def _invalid(message: str) -> RouterError:
    return RouterError(400, "INVALIDJOB", f"InvalidJob : {message}")


async def create(request: Request) -> Response:
    """POST /jobs/ingest, with the data as a second part of the body if they are few"""
    content: bytes | None = None
    kind = request.headers.get("content-type", "")
    if kind.lower().startswith("multipart/form-data"):
        described, content = multipart.parts(kind, await request.body())
        body = parse_json(described)
    else:
        body = await json_body(request)
    if not isinstance(body, dict):
        raise ApiError(400, "JSON_PARSER_ERROR", "A job is described by a JSON object.")
    store = store_of(request)
    name = str(body.get("object") or "")
    operation = str(body.get("operation") or "")
    note(request, object=name, operation=f"ingest {operation}", writes=True)
    if operation not in OPERATIONS:
        raise _invalid(f"Invalid operation: {operation}")
    sobject = store.visible_schema().object(name)
    if sobject is None:
        raise _invalid(f"Unable to find object: {name}")
    flag = {"insert": "createable", "delete": "deletable", "hardDelete": "deletable"}
    needed = flag.get(operation, "updateable")
    if not sobject.has(needed):
        raise _invalid(f"Entity '{sobject.name}' is not supported by the operation {operation}")
    key = body.get("externalIdFieldName")
    if operation == "upsert":
        field = sobject.field(str(key or ""))
        if field is None or not field.key:
            raise _invalid(
                f"Field name not found : {key}"
                if key
                else "External ID was blank for upsert operation"
            )
    if str(body.get("contentType") or "CSV").upper() != "CSV":
        raise _invalid(f"Unsupported content type: {body.get('contentType')}")
    delimiter = str(body.get("columnDelimiter") or "COMMA").upper()
    line_ending = str(body.get("lineEnding") or "LF").upper()
    if delimiter not in files.DELIMITERS:
        raise _invalid(f"Invalid column delimiter: {delimiter}")
    if line_ending not in files.LINE_ENDINGS:
        raise _invalid(f"Invalid line ending: {line_ending}")
    job = await run_in_threadpool(
        lambda: _jobs(request).create(
            object=sobject.name,
            operation=operation,
            key_field=str(key) if operation == "upsert" else None,
            version=version_of(request),
            delimiter=delimiter,
            line_ending=line_ending,
        )
    )
    if content is not None:
        await run_in_threadpool(_take, request, job, content)
    return reply(job_info(job, job.state, kind="create"))


def _take(request: Request, job: Job, content: bytes) -> None:
    """Close a job that came with its data, and start it."""
    jobs = _jobs(request)
    (jobs.folder(job.id) / "upload.csv").write_bytes(content)
    jobs.change(job.id, uploads=1, state="UploadComplete")
    jobs.closed(job.id)
    _worker(request).start(job.id)
    job.state = "UploadComplete"


async def upload(request: Request) -> Response:
    """PUT /jobs/ingest/{id}/batches: the data, once; taken as it comes in"""
    job = await _job(request)
    note(request, object=job.object, operation=f"ingest {job.operation}", writes=True)
    if job.state != "Open":
        raise RouterError(400, "INVALIDJOBSTATE", f"Job is not open for uploads: {job.state}")
    target = _jobs(request).folder(job.id) / "upload.csv"
    if not job.uploads:
        size = 0
        partial = target.with_suffix(".part")
        with partial.open("wb") as out:
            async for piece in request.stream():
                size += len(piece)
                if size > LARGEST_UPLOAD:
                    raise RouterError(
                        413, "REQUEST_ENTITY_TOO_LARGE", "The upload is larger than 150 MB."
                    )
                out.write(piece)
        partial.replace(target)
    await run_in_threadpool(lambda: _jobs(request).change(job.id, uploads=job.uploads + 1))
    return Response(status_code=201, headers=NO_STORE)


async def change_state(request: Request) -> Response:
    """PATCH /jobs/ingest/{id}: UploadComplete or Aborted"""
    job = await _job(request)
    body = await json_body(request)
    state = body.get("state") if isinstance(body, dict) else None
    note(request, object=job.object, operation=f"ingest {job.operation}", writes=True)
    jobs = _jobs(request)
    if state == "Aborted":
        if job.state in {"JobComplete", "Failed"}:
            raise RouterError(400, "INVALIDJOBSTATE", "Aborting already Completed Job not allowed")
        await run_in_threadpool(lambda: jobs.change(job.id, state="Aborted"))
        job.state = "Aborted"
    elif state == "UploadComplete":
        if job.state != "Open":
            raise RouterError(
                400, "INVALIDJOBSTATE", f"Closing a job that is {job.state} is not allowed"
            )
        if job.uploads > 1:
            raise RouterError(
                400,
                "INVALIDJOB",
                f"Found multiple contents for job: <{job.id[:15]}>, please 'Close' / 'Abort' / "
                "'Delete' the current Job then create a new Job and make sure you only do 'PUT' "
                "once on a given Job.",
            )
        if not job.uploads:
            (jobs.folder(job.id) / "upload.csv").touch()
        await run_in_threadpool(lambda: jobs.change(job.id, state="UploadComplete"))
        jobs.closed(job.id)
        _worker(request).start(job.id)
        job.state = "UploadComplete"
    else:
        raise RouterError(400, "INVALIDJOBSTATE", f"Invalid job state: {state}")
    return reply(job_info(job, job.state, kind="close"))


async def get_job(request: Request) -> Response:
    """GET /jobs/ingest/{id}"""
    job = await _job(request)
    note(request, object=job.object, operation="ingest poll")
    return reply(job_info(job, _jobs(request).shown_state(job), kind="get"))


async def delete_job(request: Request) -> Response:
    """DELETE /jobs/ingest/{id}: only a job that is over"""
    job = await _job(request)
    note(request, object=job.object, operation="ingest delete job")
    if job.state not in TERMINAL:
        raise RouterError(
            400, "INVALIDJOBSTATE", f"Deleting a job that is {job.state} is not allowed"
        )
    await run_in_threadpool(_jobs(request).delete, job)
    return Response(status_code=204, headers=NO_STORE)


async def list_jobs(request: Request) -> Response:
    """GET /jobs/ingest"""
    note(request, operation="ingest list")
    jobs = await run_in_threadpool(_jobs(request).all)
    records: list[dict[str, Any]] = [job_info(j, j.state, kind="list") for j in jobs]
    return reply({"done": True, "nextRecordsUrl": None, "records": records})


async def results(request: Request) -> Response:
    """GET …/successfulResults, …/failedResults, …/unprocessedrecords"""
    job = await _job(request)
    kind = request.path_params["result"].casefold()
    note(request, object=job.object, operation="ingest results", rows=job.processed)
    folder = _jobs(request).folder(job.id)
    if kind not in {"successfulresults", "failedresults", "unprocessedrecords"}:
        raise not_found()
    if job.state not in TERMINAL:
        raise RouterError(
            400, "INVALIDJOBSTATE", f"Results of a job that is {job.state} are not available"
        )
    if kind == "unprocessedrecords":
        content = await run_in_threadpool(_unprocessed, job, folder)
        return Response(content, media_type="text/csv; charset=UTF-8", headers=NO_STORE)
    path = folder / ("success.csv" if kind == "successfulresults" else "failed.csv")
    if not path.exists():
        front = ["sf__Id", "sf__Created" if kind == "successfulresults" else "sf__Error"]
        content = await run_in_threadpool(_header_only, job, folder, front)
        return Response(content, media_type="text/csv; charset=UTF-8", headers=NO_STORE)
    return FileResponse(path, media_type="text/csv; charset=UTF-8", headers=NO_STORE)


def _header_only(job: Job, folder: Path, front: list[str]) -> bytes:
    try:
        names = files.read_header((folder / "upload.csv").read_bytes(), job.delimiter)
    except (files.UploadError, OSError):
        names = []
    return files.header_line([*front, *names], job.delimiter, job.line_ending)


def _unprocessed(job: Job, folder: Path) -> bytes:
    """The uploaded records that no result tells of, in the upload's columns."""
    try:
        data = (folder / "upload.csv").read_bytes()
        names = files.read_header(data, job.delimiter)
        rows = files.read_rows(data, names, job.delimiter)
    except (files.UploadError, OSError):
        return b""
    return files.header_line(names, job.delimiter, job.line_ending) + files.quoted(
        rows.slice(job.processed), job.delimiter, job.line_ending, header=False
    )


_BASE = "/services/data/v{version}/jobs/ingest"
routes = [
    Route(_BASE, create, methods=["POST"]),
    Route(_BASE, list_jobs, methods=["GET"]),
    Route(_BASE + "/{job}", get_job, methods=["GET"]),
    Route(_BASE + "/{job}", change_state, methods=["PATCH"]),
    Route(_BASE + "/{job}", delete_job, methods=["DELETE"]),
    Route(_BASE + "/{job}/batches", upload, methods=["PUT"]),
    Route(_BASE + "/{job}/{result}", results, methods=["GET"]),
]
