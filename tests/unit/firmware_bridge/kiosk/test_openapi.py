import re

import pytest
from builders import signature

from sigverify.decision import Reason

TYPES = {
    "object": dict, "array": list, "string": str, "boolean": bool, "integer": int, "number": (int, float),
    "null": type(None),
}  # fmt: skip


def conforms(value, schema, components):
    """Hold a value against what of JSON Schema the description uses."""
    if "$ref" in schema:
        schema = components[schema["$ref"].rpartition("/")[2]]
    if "enum" in schema:
        assert value in schema["enum"]
        return
    kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    assert isinstance(value, tuple(TYPES[kind] for kind in kinds if kind != "number") + (
        (int, float) if "number" in kinds else ()
    )), (value, schema)  # fmt: skip
    if kinds == ["object"]:
        assert set(schema["required"]) <= set(value) <= set(schema["properties"])
        for name, each in value.items():
            conforms(each, schema["properties"][name], components)
    if kinds == ["array"]:
        for each in value:
            conforms(each, schema["items"], components)


@pytest.fixture
def document(visitor):
    return visitor.get("/openapi.json").json()


def answer(document, path, method):
    described = document["paths"][path][method]["responses"]["200"]
    return described["content"]["application/json"]["schema"]


def test_it_describes_every_route_and_no_other(document, visitor):
    from starlette.routing import Route

    served = {
        (route.path, method.lower())
        for route in visitor.app.routes
        if isinstance(route, Route) and route.path.startswith("/api/")
        for method in route.methods - {"HEAD"}
    }
    described = {(path, method) for path, methods in document["paths"].items() for method in methods}
    assert described == served
    assert document["openapi"] == "3.1.0"


def test_its_names_and_references_are_there(document):
    text = str(document)
    components = document["components"]["schemas"]
    assert set(re.findall(r"#/components/schemas/(\w+)", text)) <= set(components)
    operations = [each for methods in document["paths"].values() for each in methods.values()]
    names = [each["operationId"] for each in operations]
    assert len(set(names)) == len(names)
    for path, methods in document["paths"].items():
        for each in methods.values():
            declared = {one["name"] for one in each["parameters"] if one["in"] == "path"}
            assert declared == set(re.findall(r"{(\w+)}", path))


def test_reasons_are_the_sdks_own(document):
    reasons = document["components"]["schemas"]["Decision"]["properties"]["reason"]["enum"]
    assert reasons == [reason.value for reason in Reason]


def test_answers_are_as_described(document, operator, visitor, strokes):
    components = document["components"]["schemas"]
    begun = operator.post("/api/enrolments", json={"user": "alice"}).json()
    conforms(begun, answer(document, "/api/enrolments", "post"), components)
    path = f"/api/enrolments/{begun['enrolment']}"
    added = [
        operator.post(f"{path}/signatures", json={"strokes": strokes(signature(0, number))}).json()
        for number in range(5)
    ]
    conforms(added[0], answer(document, "/api/enrolments/{enrolment}/signatures", "post"), components)
    made = operator.post(f"{path}/commit").json()
    conforms(made, answer(document, "/api/enrolments/{enrolment}/commit", "post"), components)
    probe = {"user": "alice", "strokes": strokes(signature(0, 8))}
    for client in (operator, visitor):
        decision = client.post("/api/verify", json=probe).json()
        conforms(decision, answer(document, "/api/verify", "post"), components)
    matches = operator.post("/api/identify", json={"strokes": probe["strokes"]}).json()
    conforms(matches, answer(document, "/api/identify", "post"), components)
    for path in ("/api/info", "/api/users", "/api/health"):
        conforms(operator.get(path).json(), answer(document, path, "get"), components)
    conforms(visitor.get("/api/users").json(), components["Error"], components)
