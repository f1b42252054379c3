"""The org's allocations and what is left of them."""

from __future__ import annotations

from typing import Any

from kartra_sf_pipeline.localorg.audit import DAILY_CALLS, Audit
from kartra_sf_pipeline.localorg.store import Store

# Kilobytes of data storage that one record takes, whatever its fields hold.
RECORD_KB = {
    "Account": 2,
    "Contact": 2,
    "Lead": 2,
    "Opportunity": 2,
    "Event": 2,
    "Task": 2,
    "Case": 2,
    "Campaign": 8,
    "CampaignMember": 1,
}
STORAGE_MB = 10_240
# Allocations that nothing here draws on.
_UNTOUCHED = {
    "ConcurrentAsyncGetReportInstances": 200,
    "ConcurrentSyncReportRuns": 20,
    "DailyAnalyticsDataflowJobExecutions": 60,
    "DailyAsyncApexExecutions": 250_000,
    "DailyAsyncApexTests": 500,
    "DailyBulkV2QueryFileStorageMB": 976_562,
    "DailyDurableGenericStreamingApiEvents": 10_000,
    "DailyDurableStreamingApiEvents": 10_000,
    "DailyGenericStreamingApiEvents": 10_000,
    "DailyStreamingApiEvents": 10_000,
    "DailyWorkflowEmails": 8_040,
    "FileStorageMB": 10_240,
    "HourlyAsyncReportRuns": 1_200,
    "HourlyDashboardRefreshes": 200,
    "HourlyODataCallout": 1_000,
    "HourlySyncReportRuns": 500,
    "HourlyTimeBasedWorkflow": 1_000,
    "MassEmail": 5_000,
    "MonthlyPlatformEvents": 300_000,
    "Package2VersionCreates": 6,
    "SingleEmail": 5_000,
    "StreamingApiConcurrentClients": 1_000,
}
_DAILY_BATCHES = 15_000
_DAILY_QUERY_JOBS = 10_000
_PERMISSION_SETS = 1_500


def storage_used_mb(store: Store) -> int:
    """Data storage by the platform's flat rate per record, whole megabytes rounded up."""
    total = 0
    for sobject in store.schema:
        rate = 2 if sobject.custom else RECORD_KB.get(sobject.name, 0)
        if rate:
            ((count,),) = store.query(f'SELECT count(*) FROM "{sobject.name}" WHERE IsDeleted = 0')
            total += rate * count
    return -(-total // 1024)


def limits(store: Store, audit: Audit, batches: int, query_jobs: int) -> dict[str, Any]:
    """Every limit as Max and Remaining; `batches` and `query_jobs` were used in 24 hours."""
    out: dict[str, Any] = {n: {"Max": m, "Remaining": m} for n, m in _UNTOUCHED.items()}

    def put(name: str, most: int, used: int) -> None:
        out[name] = {"Max": most, "Remaining": max(most - used, 0)}

    put("DailyApiRequests", DAILY_CALLS, audit.used)
    put("DailyBulkApiBatches", _DAILY_BATCHES, batches)
    put("DailyBulkV2QueryJobs", _DAILY_QUERY_JOBS, query_jobs)
    put("DataStorageMB", STORAGE_MB, storage_used_mb(store))
    ((sets,),) = store.query("SELECT count(*) FROM PermissionSet WHERE IsDeleted = 0")
    put("PermissionSets", _PERMISSION_SETS, sets)
    out["PermissionSets"]["CreateCustom"] = {"Max": 1000, "Remaining": max(1000 - sets, 0)}
    return dict(sorted(out.items()))
