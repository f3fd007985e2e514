"""Documents to objects."""

from __future__ import annotations

import pytest
from tollhouse.proto.documents import locate_problems, parse_documents
from tollhouse.proto.problems import Problem, errors_only

TUTORIAL = """
routes:
  - id: agent-code-generation
    uri: /v1/chat/completions
    upstream: {type: roundrobin, nodes: {"api.openai.com": 1, "api.anthropic.com": 1}}
    plugins:
      ai-proxy-multi: {auth_header: Authorization, max_tokens: 4000, temperature: 0.7}
      ai-prompt-guard: {enable: true, block_patterns: ["DROP TABLE", "DELETE FROM"]}
  - id: 2
    uri: /x
plugins:
  prometheus: {enable: true, export_uri: /apisix/metrics}
#END
"""


def one_problem(text: str | bytes) -> Problem:
    problems = errors_only(list(parse_documents(text, "f.yaml").problems))
    assert len(problems) == 1, problems
    return problems[0]


def test_the_tutorials_document_is_read_with_lines() -> None:
    parsed = parse_documents(TUTORIAL, "conf.yaml")
    assert [(one.kind, one.id, one.line) for one in parsed.objects] == [
        ("routes", "agent-code-generation", 3),
        ("routes", "2", 9),
        ("global_rules", "prometheus", 12),
        ("plugin_metadata", "prometheus", 12),
    ]
    route, _, rule, metadata = parsed.objects
    assert route.value["plugins"]["ai-proxy-multi"]["temperature"] == 0.7
    assert route.line_of("plugins.ai-prompt-guard.block_patterns.1") == 8
    assert route.line_of("plugins.ai-proxy-multi.nothing.there") == 7
    assert rule.value == {"id": "prometheus", "plugins": {"prometheus": {}}}
    assert metadata.value == {"id": "prometheus", "export_uri": "/apisix/metrics"}
    assert [problem.severity for problem in parsed.problems] == ["note"]
    assert parsed.kinds == {"routes", "global_rules", "plugin_metadata"}


def test_problems_of_an_object_get_its_file_and_the_fields_line() -> None:
    parsed = parse_documents(TUTORIAL, "conf.yaml")
    found = [
        Problem("routes/agent-code-generation.plugins.ai-proxy-multi.max_tokens", "too many"),
        Problem("routes/2", "bad"),
        Problem("routes/other", "bad"),
    ]
    assert [(p.file, p.line) for p in locate_problems(found, parsed.objects)] == [
        ("conf.yaml", 7),
        ("conf.yaml", 9),
        ("", 0),
    ]


def test_json_is_read_with_lines_and_its_own_text_rules() -> None:
    text = '{\n\t"routes": [\n\t\t{"id": "a", "desc": "\\ud83d\\ude00 \\/ {",\n\t\t "uri": "/a"}\n\t]\n}'
    parsed = parse_documents(text, "f.json")
    assert parsed.objects[0].value == {"id": "a", "desc": "😀 / {", "uri": "/a"}
    assert (parsed.objects[0].line, parsed.objects[0].line_of("uri")) == (3, 4)


def test_several_documents_in_one_text() -> None:
    parsed = parse_documents("routes:\n- id: a\n---\n---\nroutes:\n- id: b\n...\n")
    assert [one.id for one in parsed.objects] == ["a", "b"]


def test_consumers_and_their_credentials_in_every_spelling() -> None:
    parsed = parse_documents(
        """
consumers:
  - username: jack
    plugins: {key-auth: {key: a}}
    credentials:
      - {id: c1, plugins: {key-auth: {key: b}}}
  - {id: jack/credentials/c2, plugins: {key-auth: {key: c}}}
credentials:
  - {consumer: jack, id: c3}
  - {id: jack/c4}
"""
    )
    assert not parsed.problems
    assert [(one.kind, one.id, one.value) for one in parsed.objects] == [
        ("consumers", "jack", {"username": "jack", "plugins": {"key-auth": {"key": "a"}}}),
        ("credentials", "jack/c1", {"id": "c1", "plugins": {"key-auth": {"key": "b"}}}),
        ("credentials", "jack/c2", {"plugins": {"key-auth": {"key": "c"}}}),
        ("credentials", "jack/c3", {"id": "c3"}),
        ("credentials", "jack/c4", {}),
    ]


def test_objects_without_an_id_are_numbered_with_a_warning() -> None:
    parsed = parse_documents("routes:\n  - uri: /a\n  - uri: /b\n")
    assert [one.id for one in parsed.objects] == ["arr_1", "arr_2"]
    assert {problem.severity for problem in parsed.problems} == {"warning"}


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("routes:\n  - id: a\n   uri: b\n", 3, "not valid YAML"),
        ("routes:\n  - id: [a\n", 3, "not valid YAML"),
        ('{"routes": [\n  {"id": }\n]}', 2, "not valid JSON"),
        ('{"routes": [\n', 2, "not valid JSON"),
        ("a\x07b", 1, "not allowed"),
        (b"routes:\n- id: \xff", 2, "not UTF-8"),
        ("routes:\n- id: a\n  uri: /x\n  uri: /y\n", 4, "'uri' stands twice in one mapping, first in line 3"),
        ('{"routes": [{"id": "a",\n"id": "b"}]}', 2, "'id' stands twice"),
        ("x: &a [*a]", 1, "refers to nothing"),
        ("routes:\n- {id: !!python/object:os.system a}", 2, "tag"),
        ("routes:\n- {id: a, weight: .nan}", 2, "not a number JSON can hold"),
        ('{"routes": [{"id": "a", "priority": NaN}]}', 0, "not a number JSON can hold"),
        ('{"routes": [{"id": "\\ud800"}]}', 1, "half a character"),
        ("- a\n- b", 1, "expected a mapping of kinds"),
        ("just text", 1, "expected a mapping of kinds"),
        ("rotues: []", 1, "unknown kind"),
        ("stream_routes: []", 1, "stream mode is disabled"),
        ("routes: {a: {}}", 1, "expected a list of objects, came an object"),
        ("routes:\n- 3\n", 2, "expected an object, came a number"),
        ("models:\n- targets: []\n", 2, "the model has no id"),
        ("credentials:\n- id: c\n", 2, "has no consumer"),
        ("routes:\n- id: a\n- id: a\n", 3, "there are two routes with the id 'a', the first in line 2"),
        ("routes:\n- {id: a}\n---\nroutes:\n- {id: a}\n", 5, "two routes"),
        ("? [a]\n: b\n", 1, "must be plain text"),
        ("[" * 100_000, 1, "nested more than"),
        ("a:\n" + "".join(" " * i + "- \n" for i in range(1, 90)), 66, "nested more than"),
        ("{" + '"a":' * 100_000, 1, "not valid"),
        ('{"routes": ' + "9" * 5000 + "}", 0, "too large"),
    ],
)
def test_broken_text_gives_one_problem_with_its_line(text: str | bytes, line: int, words: str) -> None:
    problem = one_problem(text)
    assert words in problem.what
    assert (problem.file, problem.line) == ("f.yaml", line)


def test_alias_bombs_are_refused_while_reading() -> None:
    levels = ["a0: &a0 [x,x,x,x,x,x,x,x,x,x]"]
    levels += [f"a{i}: &a{i} [{','.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 10)]
    assert "aliases repeat more than" in one_problem("\n".join(levels)).what


def test_aliases_and_merge_keys_are_understood() -> None:
    text = "routes:\n- &base {id: a, uri: /a, priority: 1}\n- {<<: *base, id: b}\n"
    assert [one.value for one in parse_documents(text).objects] == [
        {"id": "a", "uri": "/a", "priority": 1},
        {"id": "b", "uri": "/a", "priority": 1},
    ]


def test_environment_variables_are_filled_in_only_when_given() -> None:
    text = "# ${{UNSET}}\nroutes:\n- id: ${{ROUTE}}\n  uri: ${{URI:=/default}}\n"
    parsed = parse_documents(text, environment={"ROUTE": "r1"})
    assert parsed.objects[0].value == {"id": "r1", "uri": "/default"}
    missing = parse_documents(text, "f", environment={}).problems[0]
    assert (missing.line, missing.what) == (3, "the environment variable ROUTE is not set")
    assert parse_documents("routes:\n- id: '${{ROUTE}}'\n").objects[0].id == "${{ROUTE}}"
