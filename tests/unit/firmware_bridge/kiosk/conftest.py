import pytest
from builders import arithmetic_matcher
from toy_images import image_matcher

from firmware_bridge.admission import Admission, Bounds
from sigverify.policy import Policy
from sigverify.store import MEMORY, SqliteStore
from sigverify.verifier import Verifier

CODE = "123456"


@pytest.fixture
def verifier():
    others = {"image": image_matcher}
    with Verifier(SqliteStore(MEMORY), arithmetic_matcher(), others=others, policy=Policy.kiosk()) as its:
        yield its


@pytest.fixture
def page(verifier):
    """Return a function from settings to a client of that page, on this machine."""
    testclient = pytest.importorskip("starlette.testclient")
    from firmware_bridge.kiosk.app import create_app
    from firmware_bridge.kiosk.settings import Settings

    def page(*, host="127.0.0.1:8080", listen="127.0.0.1", headers=None, **settings):
        admission = Admission(Bounds(questions_a_second=None))  # tests ask faster than people
        app = create_app(verifier, Settings(**{"code": CODE, "host": listen} | settings), admission)
        headers = {"Sigverify-Request": "1"} | (headers or {})
        return testclient.TestClient(app, base_url=f"http://{host}", headers=headers)

    return page


@pytest.fixture
def visitor(page):
    return page()


@pytest.fixture
def operator(page):
    client = page()
    session = client.post("/api/operator", json={"code": CODE}).json()["session"]
    client.headers["Sigverify-Operator"] = session
    return client


@pytest.fixture
def image():
    """Return a function from a picture to the text that the page sends of it."""
    import base64

    from sigverify.modality.image.encoding import to_png

    return lambda picture: base64.b64encode(to_png(picture)).decode()


@pytest.fixture
def strokes():
    """Return a function from a signature to the JSON that the page sends of it."""
    import json

    from sigverify.formats.signature_pad import encode

    return lambda signature: json.loads(encode(signature))
