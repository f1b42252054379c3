"""HTTP routes of the Metadata API: SOAP at /services/Soap/m/NN.0."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from kartra_sf_pipeline.localorg.metadata import deploy_calls, soap
from kartra_sf_pipeline.localorg.metadata.components import Components
from kartra_sf_pipeline.localorg.metadata.crud_calls import MetadataCalls
from kartra_sf_pipeline.localorg.metadata.deployments import Deployments
from kartra_sf_pipeline.localorg.metadata.markup import NAMESPACE, Element
from kartra_sf_pipeline.localorg.metadata.registry import Registry
from kartra_sf_pipeline.localorg.metadata.retrieval import Retrievals
from kartra_sf_pipeline.localorg.requests import note
from kartra_sf_pipeline.localorg.store import Store

_FIRST_LOCK = threading.Lock()


@dataclass(frozen=True)
class MetadataApi:
    """What the handler works with; one per running server."""

    store: Store
    registry: Registry
    components: Components
    deployments: Deployments
    retrievals: Retrievals
    calls: MetadataCalls

    def answer(self, request: soap.Request) -> list[Element]:
        """The results of one call.

        Raises:
            soap.Fault: for an operation that is unknown or refused as a whole.

        """
        match request.operation:
            case "deploy":
                return deploy_calls.deploy(self.deployments, request)
            case "checkDeployStatus":
                return deploy_calls.check_deploy_status(self.deployments, self.store, request)
            case "retrieve":
                return deploy_calls.retrieve(self.retrievals, request)
            case "checkRetrieveStatus":
                return deploy_calls.check_retrieve_status(self.retrievals, self.store, request)
            case "createMetadata" | "updateMetadata" | "upsertMetadata":
                return self.calls.change(request)
            case "deleteMetadata":
                return self.calls.delete(request)
            case "readMetadata":
                return self.calls.read(request)
            case "listMetadata":
                return self.calls.list(request)
            case "describeMetadata":
                return self.calls.describe(request)
            case _:
                raise soap.Fault(
                    "Client",
                    f"No operation available for request {{{NAMESPACE}}}{request.operation}, "
                    "please check the WSDL for the service.",
                    prefix="soapenv",
                )


def metadata_of(app: Any) -> MetadataApi:
    """The Metadata API of an application, made at the first use."""
    with _FIRST_LOCK:
        found = getattr(app.state, "metadata_api", None)
        if found is None:
            store: Store = app.state.store
            registry = Registry(store)
            components = Components(store, registry)
            found = app.state.metadata_api = MetadataApi(
                store,
                registry,
                components,
                Deployments(store, components),
                Retrievals(components.org),
                MetadataCalls(store, registry, components),
            )
        return found


async def metadata(request: Request) -> Response:
    """POST of a SOAP envelope; faults come with status 500."""
    data = await request.body()
    return await run_in_threadpool(_answer, request, data)


def _answer(request: Request, data: bytes) -> Response:
    try:
        call = soap.read_request(data)
        if call.session_id is None or not request.app.state.is_session(call.session_id):
            raise soap.Fault(
                "INVALID_SESSION_ID", "Invalid Session ID found in SessionHeader: Illegal Session"
            )
        note(request, operation=call.operation, writes=_writes(call))
        results = metadata_of(request.app).answer(call)
        body = soap.reply(call.operation, results)
    except soap.Fault as fault:
        return Response(fault.to_bytes(), status_code=500, media_type="text/xml; charset=UTF-8")
    return Response(body, media_type="text/xml; charset=UTF-8")


def _writes(call: soap.Request) -> bool:
    if call.operation == "deploy":
        options = soap.block(call.body, "deployOptions")
        return (soap.option(options, "checkOnly") or "").lower() != "true"
    return call.operation in {
        "createMetadata",
        "updateMetadata",
        "upsertMetadata",
        "deleteMetadata",
    }


routes: list[Route] = [
    Route(f"/services/Soap/m/{{version}}{tail}", metadata, methods=["POST"])
    for tail in ("", "/", "/deployRequest", "/deployRequest/", "/deployRequest/{id}", "/{org}")
]
