import re

import pytest
from builders import signature
from toy_images import picture

from sigverify.decision import Reason

TYPES = {
    "object": dict, "array": list, "string": str, "boolean": bool, "integer": int, "number": (int, float),
    "null": type(None),
}  # fmt: skip


def check_alternatives(value, schema):
    for together, fits in (("oneOf", lambda count: count == 1), ("anyOf", bool)):
        if together in schema:
            assert fits(sum(set(each["required"]) <= set(value) for each in schema[together]))


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
    check_alternatives(value, schema)
    if "additionalProperties" in schema and "properties" not in schema:
        for each in value.values():
            conforms(each, schema["additionalProperties"], components)
    elif kinds == ["object"]:
        assert set(schema["required"]) <= set(value) <= set(schema["properties"])
        for name, each in value.items():
            conforms(each, schema["properties"][name], components)
    if kinds == ["array"]:
        for each in value:
            conforms(each, schema["items"], components)


@pytest.fixture
def document(visitor):
    return visitor.get("/openapi.json").json()


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


class Described:
    """Asks for operations by their names, as the description says to, and holds the answers against it."""

    def __init__(self, document):
        self.components = document["components"]["schemas"]
        self.security = document["components"]["securitySchemes"]
        self.operations = {
            each["operationId"]: (path, method, each)
            for path, methods in document["paths"].items()
            for method, each in methods.items()
        }
        self.answered = set()
        self.refused = set()

    def send(self, client, name, body=None, **parameters):
        path, method, described = self.operations[name]
        assert {one["name"] for one in described["parameters"] if one["in"] != "header"} == set(parameters)
        if body is not None:
            conforms(body, described["requestBody"]["content"]["application/json"]["schema"], self.components)
        query = {
            one["name"]: parameters[one["name"]] for one in described["parameters"] if one["in"] == "query"
        }
        response = client.request(method, path.format(**parameters), json=body, params=query)
        done = response.status_code == 200
        content = described["responses"]["200" if done else "default"]["content"]["application/json"]
        conforms(response.json(), content["schema"], self.components)
        (self.answered if done else self.refused).add(name)
        return response.json()


def test_every_operation_answers_as_described(document, operator, page, strokes, image):
    asked = Described(document)
    visitor = page()
    session = asked.send(visitor, "sign_in", {"code": "123456"})["session"]
    visitor.headers[asked.security["operator"]["name"]] = session
    asked.send(visitor, "sign_out")
    for name in ("health", "info"):
        asked.send(visitor, name)
    given_up = asked.send(operator, "begin_enrollment", {"user_id": "bob", "replace": True})
    asked.send(operator, "cancel_enrollment", enrollment=given_up["enrollment"])
    begun = asked.send(operator, "begin_enrollment", {"user_id": "alice"})
    for repetition in range(begun["remaining"]):
        body = {"strokes": strokes(signature(0, repetition))}
        asked.send(operator, "add_signature", body, enrollment=begun["enrollment"])
    asked.send(operator, "commit_enrollment", enrollment=begun["enrollment"])
    begun = asked.send(operator, "begin_enrollment", {"user_id": "alice", "modality": "image"})
    for repetition in range(begun["remaining"]):
        body = {"image": image(picture(0, repetition))}
        asked.send(operator, "add_signature", body, enrollment=begun["enrollment"])
    asked.send(operator, "commit_enrollment", enrollment=begun["enrollment"])
    of_both = {"strokes": strokes(signature(0, 8)), "image": image(picture(0, 8))}
    for client in (operator, page(visitor_pictures=True)):
        for body in ({"strokes": of_both["strokes"]}, {"image": of_both["image"]}, of_both):
            asked.send(client, "verify", {"user_id": "alice"} | body)
    asked.send(operator, "identify", {"image": image(picture(0, 9))})
    asked.send(operator, "identify", {"strokes": strokes(signature(0, 9))})
    for kind, first, *others in (
        ("image", *(image(picture(0, n)) for n in range(2))),
        ("strokes", *(strokes(signature(0, n)) for n in range(3))),
        (
            "strokes",
            [{"points": [{"x": n, "y": 0, "time": 10 * n} for n in range(9)]}],
            strokes(signature(0)),
        ),
    ):
        body = {"probe": {kind: first}, "references": [{kind: each} for each in others]}
        asked.send(operator, "similarity", body)
    asked.send(operator, "users")
    for body in ({}, {"user_id": "alice"}):
        asked.send(operator, "unlock", body)
    asked.send(operator, "forget", user_id="alice")
    assert asked.answered == set(asked.operations)
    assert asked.refused == set()


def test_every_refusal_is_as_described(document, page):
    asked = Described(document)
    stranger = page(token="sixteen characters and more")  # noqa: S106
    some = {"user_id": "alice", "strokes": [], "code": "123456"}
    some |= {"probe": {"strokes": []}, "references": [{"strokes": []}]}
    for name, (_, _, described) in asked.operations.items():
        schema = described.get("requestBody", {"content": {"application/json": {"schema": None}}})
        schema = schema["content"]["application/json"]["schema"]
        either = schema and (schema.get("oneOf") or schema.get("anyOf") or [{"required": []}])
        body = schema and {each: some[each] for each in schema["required"] + either[0]["required"]}
        parameters = {one["name"]: "x" for one in described["parameters"] if one["in"] != "header"}
        asked.send(stranger, name, body, **parameters)
    needs = {name for name, (_, _, described) in asked.operations.items() if described["security"] != [{}]}
    assert asked.refused == needs == set(asked.operations) - {"health"}
