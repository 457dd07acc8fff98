"""What a team may write into rollout.toml, and how the rest is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from gonogo.config.sections import RolloutConfig
from gonogo.errors import ConfigError
from gonogo.model.kinds import Environment

EXAMPLES = Path(__file__).parents[3] / "examples"
GOOD = """
archive_dir = "archive"
[environments.staging]
cwd = "app"
backup_dir = "backups"
[environments.staging.commands]
install = { run = ["npm", "{python}"] }
"""


def load(tmp_path: Path, text: str) -> RolloutConfig:
    """Write a rollout file and load it."""
    file = tmp_path / "rollout.toml"
    file.write_text(text, encoding="utf-8")
    return RolloutConfig.load(file)


def test_the_shipped_file_loads(pytestconfig: pytest.Config) -> None:
    """The team's own rollout.toml is valid and knows both environments."""
    config = RolloutConfig.load(pytestconfig.rootpath / "rollout.toml")
    assert set(config.environments) == set(Environment)
    assert config.environment(Environment.PRODUCTION).retention_days == 90


@pytest.mark.parametrize(
    "name", sorted(file.parent.name for file in EXAMPLES.glob("*/rollout.toml"))
)
def test_each_example_loads_and_is_explained(name: str) -> None:
    """Both environments, with their retention; a head that says how, and a line in the table."""
    file = EXAMPLES / name / "rollout.toml"
    config = RolloutConfig.load(file)
    assert set(config.environments) == set(Environment)
    assert config.environment(Environment.STAGING).retention_days == 30
    assert config.environment(Environment.PRODUCTION).retention_days == 90
    for section in config.environments.values():
        assert section.commands.start_app
        assert section.commands.stop_jobs
    assert file.read_text(encoding="utf-8").startswith("# ")
    table = (EXAMPLES / "README.md").read_text(encoding="utf-8")
    assert f"[{name}]({name}/rollout.toml)" in table


def test_paths_are_relative_to_the_file(tmp_path: Path) -> None:
    """A relative path means one beside the file, wherever the command is typed."""
    section = load(tmp_path, GOOD).environment(Environment.STAGING)
    assert section.cwd == tmp_path.resolve() / "app"


def test_paths_may_be_relative_to_another_directory(tmp_path: Path) -> None:
    """The rehearsal loads its packaged file for a directory of its own."""
    load(tmp_path, GOOD)
    config = RolloutConfig.load(tmp_path / "rollout.toml", base=tmp_path / "elsewhere")
    assert config.archive_dir == tmp_path.resolve() / "elsewhere" / "archive"


@pytest.mark.parametrize(
    ("git", "expected"), [("true", "app"), ("false", None), ('"code"', "code")]
)
def test_git_names_the_repository(tmp_path: Path, git: str, expected: str | None) -> None:
    """True means `cwd`, false none, and a text another directory."""
    text = GOOD.replace('cwd = "app"', f'cwd = "app"\ngit = {git}')
    section = load(tmp_path, text).environment(Environment.STAGING)
    assert section.repository == (tmp_path.resolve() / expected if expected else None)


@pytest.mark.parametrize(
    ("old", "new", "key", "says"),
    [
        ("install =", "instal =", "environments.staging.commands.instal", "did you mean install?"),
        ("run =", "rum =", "environments.staging.commands.install.rum", "did you mean run?"),
        ('cwd = "app"', 'cwdd = "app"', "environments.staging.cwdd", "did you mean cwd?"),
        ('cwd = "app"', "", "environments.staging.cwd", "is missing"),
        ("staging", "stagng", "environments.stagng", "did you mean staging?"),
        ("{python}", "{pyton}", "environments.staging.commands.install.run.1", "placeholders are"),
        ("{python}", "{python!r}", "environments.staging.commands.install.run.1", "placeholders"),
        ("{python}", "{", "environments.staging.commands.install.run.1", "doubled"),
        ('["npm", "{python}"]', "[]", "environments.staging.commands.install.run", "at least 1"),
        (
            "install = {",
            'make_backup = { run = ["snap"] }\ninstall = {',
            "environments.staging.commands",
            "make_backup needs prove_backup",
        ),
        ("{python}", "{backup}", "environments.staging.commands", "that alone names {backup}"),
        ('"archive"', '""', "archive_dir", "must not be empty"),
        ('cwd = "app"', 'cwd = " "', "environments.staging.cwd", "must not be empty"),
        ("backup_dir = ", 'backup_dir = ""#', "environments.staging.backup_dir", "be empty"),
        ("cwd =", 'git = ""\ncwd =', "environments.staging.git", "must not be empty"),
        ('"archive"', '"archive"\nadmins = ["root"]', "admins.0", "'root'"),
        (
            '"archive"',
            '"archive"\n[[endpoints]]\nname = "health"\npath = "health"',
            "endpoints.0.path",
            "begin with /",
        ),
        (
            '"archive"',
            '"archive"\n[[endpoints]]\nname = "health"\npath = "/"\nstatus = 200',
            "endpoints.0.status",
            "known are name, path",
        ),
        (
            '"archive"',
            '"archive"\n[[endpoints]]\nname = "x"\npath = "/"\nmethod = "POST"\nmetric = "a.b"',
            "endpoints.0",
            "x: a gate changes nothing: it may not send POST",
        ),
        (
            '"archive"',
            '"archive"\n[[endpoints]]\nname = "x"\npath = "/"',
            "endpoints.0",
            "x: an endpoint that the gate asks needs metric, and no other has one",
        ),
        (
            '"archive"',
            '"archive"\n[[endpoints]]\nname = "x"\npath = "/"\nasked_by = ["smoke"]',
            "endpoints.0",
            "x: a smoke request needs a title",
        ),
        (
            '"archive"',
            '"archive"\n[[endpoints]]\nname = "x"\npath = "/"\nasked_by = ["deploy"]',
            "",
            "name its variable in application.base_url",
        ),
        (
            '"archive"',
            '"archive"\nadmins = ["ada@example.com"]',
            "",
            "admins need [promotion]",
        ),
        (
            '"archive"',
            '"archive"\n[variables]\nX_KEY = { form = "tokn" }',
            "variables.X_KEY.form",
            "'token'",
        ),
        (
            '"archive"',
            '"archive"\n[variables]\nX_KEY = { needed_by = ["start"] }',
            "variables.X_KEY.needed_by.0",
            "'start_app'",
        ),
        (
            '"archive"',
            '"archive"\n[variables]\nADMIN_BEARER = { form = "token" }',
            "",
            "only a name such as ADMIN_BEARER_TOKEN keeps its value out of logs",
        ),
        ("cwd =", "retention_days = 13\ncwd =", "environments.staging.retention_days", "14"),
        ("cwd =", "health_timeout_s = nan\ncwd =", "environments.staging.health_timeout_s", "nan"),
    ],
)
def test_a_mistake_is_told_with_its_key(
    tmp_path: Path, old: str, new: str, key: str, says: str
) -> None:
    """Each mistake names the file, the dotted key and what was meant."""
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, GOOD.replace(old, new))
    assert caught.value.key == key
    assert says in str(caught.value)
    assert str(tmp_path / "rollout.toml") in str(caught.value)


@pytest.mark.parametrize(
    ("member", "key", "says"),
    [
        ('name = "eu"', ".0", "eu needs url_env or service, and has neither"),
        ('name = "eu"\nurl_env = "EU_URL"\nservice = "eu"', ".0", "service, and has both"),
        ('name = "eu"\nurl = "postgresql://x"', ".0.url", "did you mean url_env?"),
        ('name = "eu"\nurl_env = "EU"', ".0.url_env", "a name such as EU_URL keeps an address"),
        ('name = "../eu"\nservice = "eu"', ".0.name", "'../eu'"),
        ('name = "eu"\nservice = "e u"', ".0.service", "'e u'"),
        ('name = "eu"\nservice = "eu"\ngroup = ""', ".0.group", "must not be empty"),
        ('name = "eu"\nservice = "eu"\ncanary = 1', ".0.canary", "valid boolean"),
        ('service = "eu"', ".0.name", "is missing"),
        (
            (
                'name = "eu"\nservice = "eu"\n[[environments.staging.databases]]\n'
                'name = "eu"\nservice = "us"'
            ),
            "",
            "two databases are called 'eu'",
        ),
    ],
)
def test_a_member_of_a_fleet_that_cannot_be_meant_is_refused(
    tmp_path: Path, member: str, key: str, says: str
) -> None:
    """A database of a fleet has a name of its own, and one way to it, which is no secret."""
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, GOOD + "[[environments.staging.databases]]\n" + member)
    assert caught.value.key == f"environments.staging{f'.databases{key}' if key else ''}"
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_url_in_the_place_of_a_variable_is_not_shown(tmp_path: Path) -> None:
    """A person who wrote the URL itself into the file does not find its password in a log."""
    member = '[[environments.staging.databases]]\nname = "eu"\nurl_env = "postgres://a:pw@b/c"\n'
    with pytest.raises(ConfigError, match="is no name of a variable, but is a URL") as caught:
        load(tmp_path, GOOD + member)
    assert "pw" not in str(caught.value)


def test_the_fleet_of_the_docs_loads(tmp_path: Path) -> None:
    """What the page shows is what the file takes."""
    page = (EXAMPLES.parent / "docs" / "fleet.md").read_text(encoding="utf-8")
    section = page.partition("```toml\n")[2].partition("```")[0]
    config = load(tmp_path, GOOD.replace("staging", "production") + section)
    databases = config.environment(Environment.PRODUCTION).databases
    assert [(one.name, one.group, one.canary) for one in databases] == [
        ("eu-1", "eu", True),
        ("eu-2", "eu", False),
        ("us-1", "us", False),
    ]


def test_a_fleet_has_no_direct_url(tmp_path: Path) -> None:
    """One server cannot be the one behind the pooler of every member."""
    member = '[[environments.staging.databases]]\nname = "eu"\nservice = "eu"\n'
    text = GOOD.replace("cwd =", 'direct_url = "postgresql://db:5432"\ncwd =')
    with pytest.raises(ConfigError, match="each member's variable names its own"):
        load(tmp_path, text + member)


def test_what_is_wrong_with_a_whole_section_does_not_print_it(tmp_path: Path) -> None:
    """The line names what is meant; the file's other values stay where they are."""
    endpoint = '[[endpoints]]\nname = "x"\npath = "/"\nasked_by = ["deploy"]\n'
    with pytest.raises(ConfigError, match="application") as caught:
        load(tmp_path, GOOD + endpoint)
    assert "{" not in str(caught.value)


def test_a_command_that_is_left_out_runs_nowhere(tmp_path: Path) -> None:
    """So what it alone would inherit is not asked for; endpoints are no command."""
    config = load(tmp_path, GOOD)
    asks = config.model_copy(update={"without": ()})
    assert asks.runs(Environment.STAGING, {"install", "start_app"}) == {"install"}
    assert asks.runs(Environment.STAGING, {"checkout", "endpoints"}) == {"endpoints"}


def test_endpoints_that_are_left_out_need_no_variable(tmp_path: Path) -> None:
    """Nobody asks them from here."""
    config = load(tmp_path, GOOD)
    asks = config.model_copy(update={"without": ()})
    assert "endpoints" in asks.runs(Environment.STAGING, {"endpoints"})
    left_out = config.model_copy(update={"without": ("endpoints",)})
    assert not left_out.runs(Environment.STAGING, {"endpoints"})


def test_what_is_no_toml_is_told(tmp_path: Path) -> None:
    """A syntax error is one line with its place."""
    with pytest.raises(ConfigError, match=r"is no TOML: .*line 2"):
        load(tmp_path, "without = []\narchive_dir = x\n")


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    """A file that is not there is a configuration error, not a traceback."""
    with pytest.raises(ConfigError, match="cannot be read"):
        RolloutConfig.load(tmp_path / "none.toml")


def test_an_environment_that_the_file_leaves_out_is_told(tmp_path: Path) -> None:
    """Deploying to production with a file for staging alone says what to add."""
    with pytest.raises(ConfigError, match=r"add \[environments.production\]"):
        load(tmp_path, GOOD).environment(Environment.PRODUCTION)


def test_one_pid_file_cannot_tell_of_several_instances(tmp_path: Path) -> None:
    """Where several instances are listed, what names one process is refused."""
    listed = 'instances = ["http://10.0.0.1:80", "http://10.0.0.2:80"]\npid_file = "app.pid"\n'
    text = GOOD.replace('backup_dir = "backups"\n', f'backup_dir = "backups"\n{listed}')
    with pytest.raises(ConfigError, match="several"):
        load(tmp_path, text)


def test_an_instance_is_an_address_without_a_path(tmp_path: Path) -> None:
    """The path of [identity] is asked below it, so it has none of its own."""
    listed = 'instances = ["http://10.0.0.1:80/version"]\n'
    text = GOOD.replace('backup_dir = "backups"\n', f'backup_dir = "backups"\n{listed}')
    with pytest.raises(ConfigError, match="without a path"):
        load(tmp_path, text)


@pytest.mark.parametrize(
    ("lines", "problem"),
    [
        ('cwd = "current"\n', "name the directory"),
        ('cwd = "app"\ngit = "repository"\n', "cwd is"),
        (
            'cwd = "current/api"\ngit = "repository"\ncommands.checkout.run = ["true"]\n',
            "leave checkout",
        ),
    ],
)
def test_releases_that_cannot_be_meant_are_refused(
    tmp_path: Path, lines: str, problem: str
) -> None:
    """Releases are made by git, and the commands run where the link leads."""
    head = 'archive_dir = "archive"\n[environments.staging]\nbackup_dir = "b"\n'
    with pytest.raises(ConfigError, match=problem):
        load(tmp_path, f'{head}releases = "releases"\n{lines}')
