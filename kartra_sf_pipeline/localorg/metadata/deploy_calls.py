"""The calls that take time: deploy, retrieve, and asking for their states.

Results are in the element order of recorded replies.
"""

from __future__ import annotations

from kartra_sf_pipeline.localorg.metadata.deployments import Deployment, Deployments, Message
from kartra_sf_pipeline.localorg.metadata.markup import Element, add, node
from kartra_sf_pipeline.localorg.metadata.retrieval import ROOT, Retrievals
from kartra_sf_pipeline.localorg.metadata.soap import Fault, Request, block, option
from kartra_sf_pipeline.localorg.store import Store

# The date of what came with the org.
_ORIGIN = "1970-01-01T00:00:00.000Z"


def deploy(deployments: Deployments, request: Request) -> list[Element]:
    """Queues the zip; the reply is an AsyncResult."""
    zip_text = option(request.body, "zipFile")
    options = block(request.body, "deployOptions")
    if zip_text is None:
        raise Fault("INVALID_FIELD", "The field 'zipFile' is required")

    def chosen(name: str, *, default: bool = False) -> bool:
        value = option(options, name)
        return default if value is None else value.lower() == "true"

    started = deployments.start(
        "".join(zip_text.split()),
        check_only=chosen("checkOnly"),
        rollback_on_error=chosen("rollbackOnError"),
        ignore_warnings=chosen("ignoreWarnings"),
    )
    result = node("result")
    add(result, "done", False)
    add(result, "id", started.id)
    add(result, "state", "Queued")
    return [result]


def check_deploy_status(deployments: Deployments, store: Store, request: Request) -> list[Element]:
    """The state of a deployment, with its components when details are asked for."""
    wanted = option(request.body, "asyncProcessId") or ""
    deployment = deployments.get(wanted)
    if deployment is None:
        raise Fault(
            "INVALID_CROSS_REFERENCE_KEY",
            "invalid cross reference id",
        )
    details = (option(request.body, "includeDetails") or "").lower() == "true"
    name = store.query('SELECT "Name" FROM "User" WHERE "Id" = ?', (deployment.created_by,))
    return [_result(deployment, name[0][0] if name else "", details=details)]


def retrieve(retrievals: Retrievals, request: Request) -> list[Element]:
    """Collects the components; the reply is an AsyncResult."""
    asked = block(request.body, "retrieveRequest")
    if asked is None:
        raise Fault("INVALID_FIELD", "The field 'retrieveRequest' is required")
    result = node("result")
    record_id = retrievals.start(asked)
    add(result, "done", False)
    add(result, "id", record_id)
    add(result, "state", "Queued")
    return [result]


def check_retrieve_status(retrievals: Retrievals, store: Store, request: Request) -> list[Element]:
    """The state of a retrieval, with its files and, unless it is not wanted, the zip."""
    found = retrievals.get(option(request.body, "asyncProcessId") or "")
    if found is None:
        raise Fault("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id")
    retrieval, content = found
    result = node("result")
    if retrievals.running(retrieval.id):
        add(result, "done", False)
        add(result, "id", retrieval.id)
        add(result, "status", "InProgress")
        add(result, "success", False)
        return [result]
    rows = store.query('SELECT "Name" FROM "User" WHERE "Id" = ?', (store.user_id,))
    user = rows[0][0] if rows else ""
    add(result, "done", True)
    for file in retrieval.files:
        entry = add(result, "fileProperties")
        add(entry, "createdById", store.user_id)
        add(entry, "createdByName", user)
        add(entry, "createdDate", _moment(file.created) if file.created else _ORIGIN)
        add(entry, "fileName", file.file)
        add(entry, "fullName", file.full_name)
        add(entry, "id", file.id)
        add(entry, "lastModifiedById", store.user_id)
        add(entry, "lastModifiedByName", user)
        add(entry, "lastModifiedDate", _moment(file.modified) if file.modified else _ORIGIN)
        if file.id:
            add(entry, "manageableState", "unmanaged")
        add(entry, "type", file.type)
    add(result, "id", retrieval.id)
    for problem in retrieval.problems:
        message = add(result, "messages")
        add(message, "fileName", f"{ROOT}/package.xml")
        add(message, "problem", problem)
    add(result, "status", "Succeeded")
    add(result, "success", True)
    if (option(request.body, "includeZip") or "true").lower() == "true":
        add(result, "zipFile", content)
    return [result]


def _moment(stored: str) -> str:
    return stored.removesuffix("+0000") + "Z"


def _result(deployment: Deployment, user_name: str, *, details: bool) -> Element:
    counted = [m for m in deployment.messages if m.counted]
    errors = sum(not m.success for m in counted)
    result = node("result")
    add(result, "checkOnly", deployment.check_only)
    if deployment.completed:
        add(result, "completedDate", _moment(deployment.completed))
    add(result, "createdBy", deployment.created_by[:15])
    add(result, "createdByName", user_name)
    add(result, "createdDate", _moment(deployment.created))
    if details:
        _add_details(result, deployment)
    add(result, "done", deployment.done)
    add(result, "id", deployment.id)
    add(result, "ignoreWarnings", deployment.ignore_warnings)
    last = deployment.completed or deployment.started or deployment.created
    add(result, "lastModifiedDate", _moment(last))
    add(result, "numberComponentErrors", errors)
    add(result, "numberComponentsDeployed", len(counted) - errors)
    add(result, "numberComponentsTotal", len(counted))
    for name in ("numberTestErrors", "numberTestsCompleted", "numberTestsTotal"):
        add(result, name, 0)
    add(result, "rollbackOnError", deployment.rollback_on_error)
    add(result, "runTestsEnabled", False)
    if deployment.started:
        add(result, "startDate", _moment(deployment.started))
    add(result, "status", deployment.status)
    add(result, "success", deployment.status in {"Succeeded", "SucceededPartial"})
    return result


def _add_details(result: Element, deployment: Deployment) -> None:
    details = add(result, "details")
    when = _moment(deployment.completed or deployment.created)
    failed = [m for m in deployment.messages if not m.success]
    succeeded = [m for m in deployment.messages if m.success]
    for message in failed:
        _add_message(details, "componentFailures", message, when)
    for message in succeeded:
        _add_message(details, "componentSuccesses", message, when)
    tests = add(details, "runTestResult")
    add(tests, "numFailures", 0)
    add(tests, "numTestsRun", 0)
    add(tests, "totalTime", "0.0")


def _add_message(details: Element, name: str, message: Message, when: str) -> None:
    entry = add(details, name)
    add(entry, "changed", message.changed)
    if message.line is not None:
        add(entry, "columnNumber", 1)
    add(entry, "componentType", message.type)
    add(entry, "created", message.created)
    add(entry, "createdDate", when)
    add(entry, "deleted", message.deleted)
    add(entry, "fileName", message.file)
    add(entry, "fullName", message.full_name)
    if message.id is not None:
        add(entry, "id", message.id)
    if message.line is not None:
        add(entry, "lineNumber", message.line)
    if message.problem is not None:
        add(entry, "problem", message.problem)
        add(entry, "problemType", message.problem_type)
    add(entry, "success", message.success)
