"""What must be true when all faults are over and everything has ended. Each rule returns its violations."""

import collections
import json
import subprocess
import urllib.request

from cluster import KEY, RECOVERY_MAX_S, Google, Web
from hosts import answers, wait_until

RULES = []


def rule(function):
    RULES.append(function)
    return function


def settle(lab):
    """Lets clients finish, and waits until no job is active."""
    if not lab.crowd.stop(RECOVERY_MAX_S):
        lab.complain("service_recovers_by_itself", f"a client could not finish; {lab.condition()}")
    try:
        wait_until(lambda: not lab.active_contents(), "the end of all jobs", RECOVERY_MAX_S)
    except TimeoutError as error:
        lab.complain("service_recovers_by_itself", f"{error}; {lab.condition()}")
    print(f"lab: after {len(lab.crowd.documents)} documents, {len(unused_files(lab))} files of jobs and uploads are on the disks")


def complaints(lab, name):
    return [what for violated, what in lab.complaints if violated == name]


@rule
def service_recovers_by_itself(lab):
    return complaints(lab, "service_recovers_by_itself")


@rule
def no_program_ends_by_itself(lab):
    return complaints(lab, "no_program_ends_by_itself")


@rule
def request_is_never_answered_with_an_internal_error(lab):
    return [str(answer) for answer in lab.answers if answer.status in (500, 501, 502)]


@rule
def request_in_calm_is_answered(lab):
    """Without a fault near, every request is answered, and none with 503."""
    return [str(answer) for answer in lab.answers if answer.is_calm and (answer.status is None or answer.status >= 503)]


@rule
def upgrade_fails_no_request(lab):
    """A rolling restart behind a plain load balancer."""
    during = [answer for answer in lab.answers if answer.period.faults == ("rolling_restart",)]
    return [str(answer) for answer in during if answer.status is None or answer.status >= 500]


@rule
def request_is_rejected_only_for_a_reason(lab):
    """The clients make no mistakes. 404: a deletion was repeated. 409: the same key is in use by a request whose answer was lost."""
    allowed = {("DELETE", 404), ("POST", 409)}
    rejected = [answer for answer in lab.answers if answer.status and 400 <= answer.status < 500]
    return [str(answer) for answer in rejected if (answer.method, answer.status) not in allowed]


@rule
def every_document_is_read_completely(lab):
    """What was accepted has ended well, with all its pages. A job that crashed its worker five times may have been set aside."""
    wrong = complaints(lab, "every_document_is_read_completely")
    for client, document in lab.crowd.documents:
        if not document.accepted or document.deletion == "gone":
            continue
        state = client.state(document)
        if not state or state["status"] != "SUCCEEDED":
            if not (state and state.get("error") and state["error"]["code"] == "set_aside"):
                wrong.append(f"{document.key}: {state}")
            continue
        _, stored = client.send("GET", f"/v1/documents/{state['document_id']}")
        pages = stored.get("content", []) if isinstance(stored, dict) else []
        missing = [text for page, text in enumerate(document.texts) if page >= len(pages) or text not in pages[page]["markdown"]]
        if missing:
            wrong.append(f"{document.key}: {missing} is missing in {stored}")
    return wrong


@rule
def document_deleted_stays_deleted(lab):
    gone = [(client, document) for client, document in lab.crowd.documents if document.deletion == "gone"]
    statuses = [(document.key, client.send("GET", f"/v1/documents/{document.document_id}")[0]) for client, document in gone]
    return [f"{key} answers {status}" for key, status in statuses if status != 404]


@rule
def page_is_charged_once(lab):
    """Over all jobs: what was read once is free. The clients submit no deleted content again."""
    rows = lab.postgres.rows("SELECT jobs.account_id, content_hash, page_index, COUNT(*) FROM ledger JOIN jobs ON jobs.id = job_id "
                             "GROUP BY 1, 2, 3 HAVING COUNT(*) > 1")
    return [f"page {page} of {content} was charged {times} times" for _, content, page, times in rows]


@rule
def usage_is_the_sum_of_the_receipts(lab):
    wrong = []
    for client in [*lab.crowd.clients, lab.probe]:
        _, usage = client.send("GET", "/v1/users/me/usage")
        charged = sum(receipt["charged_tokens"] for receipt in usage["receipts"])
        if usage["reserved_tokens"] or usage["used_tokens"] != charged:
            wrong.append(f"{client.name}: {usage['used_tokens']} used, {charged} on receipts, {usage['reserved_tokens']} reserved")
    return wrong


@rule
def nothing_stays_reserved(lab):
    tables = ("reservations", "spending_commitments")
    counts = [(table, lab.postgres.rows(f"SELECT COUNT(*) FROM {table}")[0][0]) for table in tables]
    return [f"{count} rows in {table}" for table, count in counts if count != "0"]


def files_at_google(lab):
    found, token = [], ""
    while token is not None:
        url = f"http://{lab.google.address}:{Google.PORT}/v1beta/files?pageSize=100&pageToken={token}"
        with urllib.request.urlopen(urllib.request.Request(url, headers={"x-goog-api-key": KEY}), timeout=30) as answer:
            page = json.load(answer)
        found += page.get("files", [])
        token = page.get("nextPageToken")
    return found


def control(lab, path):
    command = ["curl", "--silent", "--header", f"x-goog-api-key: {KEY}", f"http://127.0.0.1:{Google.PORT}/_control{path}"]
    return json.loads(subprocess.run(lab.google.inside(command), capture_output=True, check=True).stdout)


def batches(lab):
    """All that were ever made, with those that were deleted."""
    return control(lab, "/batches")["operations"]


@rule
def job_has_one_live_paid_batch_at_most(lab):
    """The batches of a job follow each other, and one of them is paid at most."""
    lives = collections.defaultdict(list)
    for batch in batches(lab):
        data = batch["metadata"]
        lives[data["displayName"].rsplit("-", 1)[0]].append((data["createTime"], data.get("endTime"), data["state"], batch["name"]))
    wrong = []
    for job, made in lives.items():
        made.sort(key=lambda batch: batch[0])
        overlap = any(end is None or end > later[0] for (_, end, *_), later in zip(made, made[1:]))
        if overlap or sum(state == "BATCH_STATE_SUCCEEDED" for _, _, state, _ in made) > 1:
            wrong.append(f"{job}: {made}")
    return wrong


@rule
def nothing_is_left_at_google(lab):
    """No live batch and no input file. Google does not let clients delete output files."""

    def left():
        live = [batch["name"] for batch in batches(lab)
                if batch["metadata"]["state"] in ("BATCH_STATE_PENDING", "BATCH_STATE_RUNNING")]
        files = [f"{file['name']} ({file.get('displayName')})" for file in files_at_google(lab) if file.get("source") != "GENERATED"]
        return live + files

    try:
        wait_until(lambda: not left(), "the end of the last orphan", RECOVERY_MAX_S)
    except TimeoutError:
        return left()
    return []


@rule
def google_bills_what_is_recorded(lab):
    """Each answer that Google bills is a row of `spending`. A row is assumed where the answer was lost on its way."""
    wrong = []
    paid = sum(int(batch["metadata"]["batchStats"]["successfulRequestCount"]) for batch in batches(lab)
               if batch["metadata"]["state"] == "BATCH_STATE_SUCCEEDED")
    [[recorded]] = lab.postgres.rows("SELECT COALESCE(SUM(answers), 0) FROM spending WHERE page_index IS NULL")
    if paid != int(recorded):
        wrong.append(f"{paid} answers in batches, {recorded} recorded")
    calls = control(lab, "")["calls"].get("generate_content", 0)
    [[rows, assumed]] = lab.postgres.rows("SELECT COUNT(*), COALESCE(SUM(assumed), 0) FROM spending WHERE page_index IS NOT NULL")
    if not int(rows) - int(assumed) <= calls <= int(rows):
        wrong.append(f"{calls} realtime answers, {rows} recorded, {assumed} of them assumed")
    return wrong


@rule
def doctor_finds_no_problem(lab):
    wrong = []
    for host in lab.programs:
        done = subprocess.run(host.inside(host.coldbrew("doctor")), capture_output=True, text=True, timeout=120, check=False)
        if done.returncode:
            wrong.append(f"{host.name}: {done.stdout}{done.stderr}")
    return wrong


@rule
def web_is_ready(lab):
    return [web.name for web in lab.webs if not answers(web.address, Web.PORT, "/readyz")]


@rule
def each_worker_reads_a_document_alone(lab):
    """No worker hangs, and each web still serves."""
    wrong = []
    for worker, web in zip(lab.workers, lab.webs):
        others = [other for other in lab.workers if other is not worker]
        stops(lab, others)
        try:
            lab.read_one(web, [web])
        except TimeoutError as error:
            wrong.append(f"{worker.name}: {error}")
        for other in others:
            other.start()
            lab.wait_until_started(other)
    return wrong


@rule
def program_asked_to_stop_ends_with_success(lab):
    stops(lab, lab.programs)
    return complaints(lab, "program_asked_to_stop_ends_with_success")


@rule
def disk_of_a_program_has_no_unused_files(lab):
    """Programs purge their folders when they start."""
    for host in lab.programs:
        host.start()
        lab.wait_until_started(host)
    try:
        wait_until(lambda: not unused_files(lab), "the purge of all folders", 15)
    except TimeoutError:
        return unused_files(lab)
    return []


def unused_files(lab):
    """Files of jobs and uploads. Copies of files in S3 are a cache, and may stay."""
    folders = [(host, host.data / folder) for host in lab.programs for folder in ("spool", "receiving")]
    # Each running program has an empty folder for the files that it receives.
    found = [(host, path) for host, folder in folders for path in folder.rglob("*") if path.is_file()]
    return [f"{host.name}: {path.relative_to(host.data)}" for host, path in found]


def stops(lab, hosts):
    for host in hosts:
        status = host.stop()
        if status != 0:
            lab.complain("program_asked_to_stop_ends_with_success", f"{host.name} ended with {status}")
