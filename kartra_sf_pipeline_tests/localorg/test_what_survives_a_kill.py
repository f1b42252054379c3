from __future__ import annotations

import contextlib
import os
import signal
import time
from pathlib import Path

import requests

from kartra_sf_pipeline.localorg import process
from kartra_sf_pipeline_tests.localorg.clients import (
    component,
    connect,
    deploy,
    package,
    text_field,
)


def wait_until_gone(url: str) -> None:
    with contextlib.suppress(requests.ConnectionError):
        while True:
            requests.get(f"{url}/services/data", timeout=5)


def test_cursors_results_and_deployed_fields_outlive_a_killed_server(tmp_path: Path) -> None:
    address = process.ensure_running(tmp_path)
    try:
        client = connect(address)
        rows = [{"attributes": {"type": "Account"}, "Name": f"A{i:03d}"} for i in range(300)]
        for start in (0, 150):
            body = {"records": rows[start : start + 150]}
            client.restful("composite/sobjects", method="POST", json=body)
        deploy(
            client,
            {
                "package.xml": package({"CustomField": ["Account.Kept__c"]}),
                "objects/Account.object": component("CustomObject", text_field("Kept__c")),
            },
        )
        headers = {"Authorization": f"Bearer {address.access_token}"}
        data = f"{address.url}/services/data/v62.0"
        first = requests.get(
            f"{data}/query",
            params={"q": "SELECT Name FROM Account ORDER BY Name"},
            headers={**headers, "Sforce-Query-Options": "batchSize=200"},
            timeout=10,
        ).json()
        job = requests.post(
            f"{data}/jobs/query",
            json={"operation": "query", "query": "SELECT Name FROM Account"},
            headers=headers,
            timeout=10,
        ).json()
        os.kill(address.pid, signal.SIGKILL)
        wait_until_gone(address.url)

        address = process.ensure_running(tmp_path)
        headers = {"Authorization": f"Bearer {address.access_token}"}
        data = f"{address.url}/services/data/v62.0"
        rest = requests.get(
            f"{address.url}{first['nextRecordsUrl']}", headers=headers, timeout=10
        ).json()
        assert [r["Name"] for r in rest["records"]] == [f"A{i:03d}" for i in range(200, 300)]
        # A job that was running when the server died runs again.
        deadline = time.monotonic() + 20
        state = "UploadComplete"
        while state != "JobComplete" and time.monotonic() < deadline:
            state = requests.get(
                f"{data}/jobs/query/{job['id']}", headers=headers, timeout=10
            ).json()["state"]
            time.sleep(0.05)
        results = requests.get(
            f"{data}/jobs/query/{job['id']}/results", headers=headers, timeout=10
        )
        assert results.headers["Sforce-NumberOfRecords"] == "300"
        kept = connect(address).query(
            "SELECT DataType FROM FieldDefinition WHERE DurableId = 'Account.Kept__c'"
        )
        assert kept["records"][0]["DataType"] == "Text(255)"
    finally:
        process.stop(tmp_path)
