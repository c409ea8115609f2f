"""Clients that submit documents all the time, and remember what was promised to them."""

import dataclasses
import http.client
import json
import threading
import time

from hosts import answers

TIMEOUT_S = 15
DONE = ("SUCCEEDED", "FAILED", "EXPIRED", "CANCELLED")


class Unanswered(Exception):
    """The connection failed, or no answer came in time."""


def request(web, method, path, token=None, body=None, headers=None, timeout_s=TIMEOUT_S):
    """Sends one request on a connection of its own. Returns the status and the body, decoded if it is JSON."""
    connection = http.client.HTTPConnection(web.address, web.PORT, timeout=timeout_s)
    headers = {"Authorization": f"Bearer {token}"} | (headers or {})
    try:
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        content = answer.read()
        is_json = answer.headers.get_content_type() == "application/json"
        return answer.status, json.loads(content) if is_json and content else content
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise Unanswered(f"{type(error).__name__}: {error}") from error
    finally:
        connection.close()


def pdf(texts):
    """A PDF with one page for each text."""
    pages = [f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Resources << /Font << /F 3 0 R >> >> /Contents {5 + 2 * i} 0 R >>"
             for i in range(len(texts))]
    objects = ["<< /Type /Catalog /Pages 2 0 R >>",
               f"<< /Type /Pages /Count {len(texts)} /Kids [{' '.join(f'{4 + 2 * i} 0 R' for i in range(len(texts)))}] >>",
               "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>"]
    for page, text in zip(pages, texts):
        content = f"BT /F 14 Tf 60 760 Td ({text}) Tj ET"
        objects += [page, f"<< /Length {len(content)} >>\nstream\n{content}\nendstream"]
    file, offsets = "%PDF-1.7\n", []
    for number, body in enumerate(objects, 1):
        offsets.append(len(file))
        file += f"{number} 0 obj\n{body}\nendobj\n"
    table = "".join(f"{offset:010} 00000 n \n" for offset in offsets)
    size = len(objects) + 1
    return f"{file}xref\n0 {size}\n0000000000 65535 f \n{table}trailer << /Size {size} /Root 1 0 R >>\nstartxref\n{len(file)}\n%%EOF\n".encode()


@dataclasses.dataclass
class Answer:
    """What a client was answered, for the rules to judge. `status` is `None` if no answer came."""

    period: object
    # Whether no fault was near from the beginning of the request to its end.
    is_calm: bool
    web: str
    method: str
    path: str
    status: int | None
    problem: object
    took_s: float

    def __str__(self):
        return f"{self.period.name}: {self.web} {self.method} {self.path} {self.status or 'unanswered'} after {self.took_s:.1f} s: {self.problem}"


@dataclasses.dataclass
class Document:
    texts: list
    batch_mode: bool
    # The Idempotency-Key of its submission.
    key: str
    content_hash: str = ""
    accepted: bool = False
    times_again: int = 0
    document_id: str = ""
    # None, "asked" if no answer came yet, or "gone".
    deletion: str | None = None
    asked_before: bool = False

    @property
    def is_kept(self):
        return self.accepted and self.deletion is None


class Balancer:
    """Chooses among the webs that are ready, as a plain load balancer does. It asks each of them once a second."""

    def __init__(self, webs):
        self.webs, self.ready = webs, {web.name: True for web in webs}
        for web in webs:
            threading.Thread(target=self._watch, args=(web,), daemon=True).start()

    def _watch(self, web):
        while True:
            self.ready[web.name] = answers(web.address, web.PORT, "/readyz")
            time.sleep(1)

    def web(self, turn):
        ready = [web for web in self.webs if self.ready[web.name]] or self.webs
        return ready[turn % len(ready)]


class Client:
    """An account that sends its requests to all webs in turn."""

    def __init__(self, lab, name, rng):
        self.lab, self.name, self.rng = lab, name, rng
        self.turn, self.token, self.documents = rng.randrange(len(lab.webs)), None, []

    def send(self, method, path, body=None, headers=None, web=None):
        """Sends one request to `web`, or to the next one that is ready. The rules judge its answer. The status is `None` if none came."""
        self.turn += 1
        web = web or self.lab.balancer.web(self.turn)
        period, started = self.lab.period, time.monotonic()
        try:
            status, answer = request(web, method, path, self.token, body, headers)
        except Unanswered as error:
            status, answer = None, str(error)
        is_calm = period.is_calm and self.lab.period is period
        problem = answer if status is None or status >= 400 else None
        self.lab.answers.append(Answer(period, is_calm, web.name, method, path, status, problem, time.monotonic() - started))
        return status, answer

    def send_json(self, method, path, body, **more):
        return self.send(method, path, json.dumps(body), more.pop("headers", {}) | {"Content-Type": "application/json"}, **more)

    def sign_in(self):
        while self.token is None:
            status, answer = self.send("POST", "/v1/users/guest")
            if status == 201:
                self.token = answer["token"]

    def new_document(self, pages, batch_mode):
        number = len(self.documents)
        texts = [f"Book {number} of {self.name} has page {page} of {pages} here." for page in range(1, pages + 1)]
        self.documents.append(Document(texts, batch_mode, f"{self.name}-{number}"))
        return self.documents[-1]

    def try_to_submit(self, document, web=None):
        """Uploads and submits once. Whether it was accepted."""
        boundary = "a-boundary-that-no-pdf-contains"
        head = f'--{boundary}\r\ncontent-disposition: form-data; name="file"; filename="book.pdf"\r\ncontent-type: application/pdf\r\n\r\n'
        form = head.encode() + pdf(document.texts) + f"\r\n--{boundary}--\r\n".encode()
        status, prepared = self.send("POST", "/v1/documents/prepare/upload", form,
                                     {"Content-Type": f"multipart/form-data; boundary={boundary}"}, web=web)
        if status != 200:
            return False
        submission = {"hash": prepared["hash"], "ai_transform": True, "batch_mode": document.batch_mode}
        status, _ = self.send_json("POST", "/v1/documents/document", submission, headers={"Idempotency-Key": document.key}, web=web)
        if status in (201, 202):
            document.content_hash, document.accepted = prepared["content_hash"], True
        return status in (201, 202)

    def state(self, document, web=None):
        status, answer = self.send("GET", f"/v1/documents/batch/{document.content_hash}/status", web=web)
        return answer if status == 200 else None

    def upload_again(self, document):
        document.times_again += 1
        self.try_to_submit(dataclasses.replace(document, key=f"{document.key}-again-{document.times_again}"))

    def delete(self, document):
        state = self.state(document)
        if state and state["status"] == "SUCCEEDED":
            document.deletion, document.document_id = "asked", state["document_id"]
            self.finish_deletion(document)

    def finish_deletion(self, document):
        status, _ = self.send("DELETE", f"/v1/documents/{document.document_id}")
        if status == 404 and not document.asked_before:
            self.lab.complain("every_document_is_read_completely", f"{document.key} has vanished before its deletion")
        # 404: an earlier request has deleted it, and its answer was lost.
        if status in (204, 404):
            document.deletion = "gone"
        document.asked_before = True


class Crowd:
    """Some clients at work until they are stopped. Each then finishes what it began."""

    def __init__(self, lab, clients):
        self.clients, self.stopped = clients, threading.Event()
        self.threads = [threading.Thread(target=self._work, args=(client,), daemon=True) for client in clients]
        for thread in self.threads:
            thread.start()

    def _work(self, client):
        client.sign_in()
        while not self.stopped.is_set():
            kept = [document for document in client.documents if document.is_kept]
            choice = client.rng.random()
            if choice < 0.1 and kept:
                client.upload_again(client.rng.choice(kept))
            elif choice < 0.2 and (once := [document for document in kept if not document.times_again]):
                client.delete(client.rng.choice(once))
            else:
                self._submit(client)
            self.stopped.wait(client.rng.uniform(0.5, 2.5))
        for document in client.documents:
            while document.deletion == "asked":
                client.finish_deletion(document)
                time.sleep(0.5)

    @staticmethod
    def _submit(client):
        document = client.new_document(client.rng.randint(1, 3), client.rng.random() < 0.6)
        while not client.try_to_submit(document):
            time.sleep(0.5)

    def stop(self, within_s):
        """Whether all clients could finish."""
        self.stopped.set()
        end = time.monotonic() + within_s
        for thread in self.threads:
            thread.join(max(0.0, end - time.monotonic()))
        return not any(thread.is_alive() for thread in self.threads)

    @property
    def documents(self):
        return [(client, document) for client in self.clients for document in list(client.documents)]
