import pytest
from starlette.websockets import WebSocketDisconnect

from firmware_bridge.kiosk.settings import Settings, new_code
from sigverify.errors import ConfigError, EnrollmentError

SHOWN = "sixteen characters and more"


@pytest.mark.parametrize("path", ["/", "/app.js", "/api/info", "/openapi.json", "/nothing"])
def test_every_answer_carries_the_headers(visitor, path):
    headers = visitor.get(path).headers
    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cache-Control"] == ("no-cache" if path in ("/", "/app.js") else "no-store")


def test_refusals_carry_them_too(page):
    answer = page(headers={"Sigverify-Request": "no"}).get("/api/info")
    assert answer.status_code == 403
    assert "Content-Security-Policy" in answer.headers
    assert "Sigverify-Request" in answer.json()["message"]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Origin": "http://127.0.0.1:8080"}, 200),
        ({"Sec-Fetch-Site": "same-origin"}, 200),
        ({"Sec-Fetch-Site": "none"}, 200),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "http://127.0.0.1:9999"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": ""}, 403),
        ({"Origin": "http://["}, 403),
        ({"Origin": "http://[::1"}, 403),
        ({"Origin": "http://x\u2100".encode()}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Sigverify-Request": ""}, 403),
    ],
)
def test_other_pages_requests(visitor, headers, status):
    assert visitor.get("/api/info", headers=headers).status_code == status
    answer = visitor.post("/api/operator", json={"code": "123456"}, headers=headers)
    assert answer.status_code == status


def test_a_websocket_of_a_malformed_origin(visitor):
    live = visitor.websocket_connect("/api/live", headers={"Origin": "http://["})
    with pytest.raises(WebSocketDisconnect) as refused, live:
        pass
    assert refused.value.code == 4403


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1:8080", 200),
        ("localhost", 200),
        ("[::1]:80", 200),
        ("evil.example", 421),
        ("127.0.0.1.evil.example", 421),
        ("192.168.0.9", 421),
        ("[::1", 421),
        ("", 421),
    ],
)
def test_other_names_for_this_machine(visitor, host, status):
    for path in ("/", "/api/health", "/api/info"):
        assert visitor.get(path, headers={"Host": host}).status_code == status


def test_a_link_from_elsewhere_opens_the_page(visitor):
    assert visitor.get("/", headers={"Sec-Fetch-Site": "cross-site"}).status_code == 200


def test_a_page_with_a_token(page):
    client = page(host="kiosk.example", token=SHOWN)
    assert client.get("/").status_code == 200
    assert client.get("/api/health").status_code == 200
    assert client.get("/api/info").status_code == 401
    for wrong in ("Bearer ", "Bearer wrong", f"Bearer {SHOWN}x", f"Bearer {SHOWN[:-1]}", "Bearer ä"):
        assert client.get("/api/info", headers={"Authorization": wrong.encode()}).status_code == 401
    for wrong in (SHOWN, f"Basic {SHOWN}", f"Bearer{SHOWN}"):
        answer = client.get("/api/info", headers={"Authorization": wrong})
        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"] == "Bearer"
    for scheme in ("Bearer", "bearer", "BEARER", "Bearer "):
        assert client.get("/api/info", headers={"Authorization": f"{scheme} {SHOWN}"}).status_code == 200


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.0.9", "kiosk.example"])  # noqa: S104
def test_other_machines_need_a_token(host):
    with pytest.raises(ConfigError, match="token"):
        Settings(host=host)
    assert Settings(host=host, token=SHOWN).host == host


@pytest.mark.parametrize(
    ("settings", "error"),
    [
        ({"token": "short"}, ConfigError),
        ({"token": "x" * 201}, ConfigError),
        ({"token": "kein Schlüssel für fetch()"}, ConfigError),
        ({"token": "a blank at the end "}, ConfigError),
        ({"code": "12345"}, ConfigError),
        ({"fpir": 0.0}, ConfigError),
        ({"references": 0}, EnrollmentError),
    ],
)
def test_settings_out_of_range(settings, error):
    with pytest.raises(error):
        Settings(**settings)


def test_secrets_are_not_shown():
    assert "secret" not in repr(Settings(token="secret" * 4, code="secret1"))


def test_a_new_code_is_good_enough_and_new():
    assert Settings(code=new_code())
    assert len({new_code() for _ in range(20)}) > 15
