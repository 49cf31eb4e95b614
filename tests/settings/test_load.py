"""Resolving the tree: which source wins, where values are said to come from, what is said of mistakes."""

from __future__ import annotations

import dataclasses
from datetime import timedelta
from pathlib import Path

import pytest

from wherry.settings import Origin, Settings, SettingsError, StoreDriver, declarations, load_settings


def problems_of(**arguments) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        load_settings(**arguments)
    return list(caught.value.problems)


@pytest.fixture
def toml(tmp_path: Path):
    def write(text: str) -> Path:
        file = tmp_path / "settings.toml"
        file.write_text(text)
        return file

    return write


def test_without_any_source_every_setting_has_its_default(monkeypatch, tmp_path: Path):
    monkeypatch.chdir(tmp_path)
    resolved = load_settings()
    assert resolved.settings == Settings(data=tmp_path / "data")
    assert {source.origin for source in resolved.sources.values()} == {Origin.DEFAULT}
    assert set(resolved.sources) == {declared.key for declared in declarations(Settings)}


def test_a_flag_beats_the_environment_which_beats_the_file_which_beats_the_default(toml):
    file = toml("port = 5001\nhost = '10.0.0.1'\n[limits]\npage_size = 10\n")
    environ = {"WHERRY_PORT": "5002", "WHERRY_HOST": "10.0.0.2"}
    resolved = load_settings(flags={"port": "5003"}, environ=environ, config=file)
    settings = resolved.settings
    assert (settings.port, settings.host, settings.limits.page_size) == (5003, "10.0.0.2", 10)
    assert str(resolved.sources["port"]) == "flag --port"
    assert str(resolved.sources["host"]) == "environment WHERRY_HOST"
    assert str(resolved.sources["limits.page_size"]) == f"file {file} limits.page_size"
    assert str(resolved.sources["workers"]) == "default"


def test_every_setting_can_be_given_in_each_of_the_three_ways(toml):
    samples = {
        "data": "/srv/wherry",
        "store.driver": "memory",
        "store.url": "s3://bucket/prefix",
        "store.redirect": "false",
        "log.format": "json",
        "log.level": "error",
        "auth.challenge": "basic",
        "sparse_manifests": "allow",
        "database_url": "postgresql://db/wherry",
        "public_url": "https://registry.example",
        "store.endpoint": "https://s3.example",
        "trusted_proxies": "10.0.0.0/8",
        "auth.temporary_login": "90m",
        "mail.tls": "none",
        "clusters.agent_ca": "agents.pem",
    }
    by_kind = {"size": "9MiB", "duration": "90s", "integer": "9", "flag": "false"}
    by_kind |= {"text": "text", "secret": "secret", "networks": "10.0.0.0/8"}
    skip = {"tls.certificate", "tls.key", "oidc.issuer"}  # Need files that exist, or others: see the rules.
    for declared in declarations(Settings):
        if declared.key in skip:
            continue
        text = samples.get(declared.key) or by_kind[declared.kind.name]
        section, _, name = declared.key.rpartition(".")
        file = toml(f"[{section}]\n{name} = '{text}'\n" if section else f"{name} = '{text}'\n")
        expected = declared.kind.parse(text)
        for arguments in (
            {"flags": {declared.key: text}},
            {"environ": {declared.environment: text}},
            {"config": file},
        ):
            value = load_settings(**arguments).settings
            for part in declared.key.split("."):
                value = getattr(value, part)
            assert value == expected, (declared.key, arguments)


def test_toml_numbers_flags_and_lists_are_as_good_as_texts(toml):
    file = toml(
        "workers = 3\ntrusted_proxies = ['10.0.0.0/8', '::1']\n"
        "[uploads]\nidle_timeout = 5\nmax_bytes = 1024\n[store]\nredirect = false\n"
    )
    settings = load_settings(config=file).settings
    assert settings.workers == 3
    assert [str(network) for network in settings.trusted_proxies] == ["10.0.0.0/8", "::1/128"]
    assert settings.uploads.idle_timeout == timedelta(seconds=5)
    assert settings.uploads.max_bytes == 1024
    assert settings.store.redirect is False


def test_the_file_is_found_in_the_data_folder_and_by_its_variable(tmp_path: Path):
    (tmp_path / "wherry.toml").write_text("port = 5005\n")
    other = tmp_path / "other.toml"
    other.write_text("port = 5006\n")
    assert load_settings(flags={"data": str(tmp_path)}).settings.port == 5005
    assert load_settings(environ={"WHERRY_DATA": str(tmp_path)}).settings.port == 5005
    by_variable = load_settings(flags={"data": str(tmp_path)}, environ={"WHERRY_CONFIG": str(other)})
    assert by_variable.settings.port == 5006
    assert (
        load_settings(environ={"WHERRY_CONFIG": str(other)}, config=tmp_path / "wherry.toml").settings.port
        == 5005
    )


def test_an_unknown_variable_is_an_error_that_names_the_nearest_setting():
    [problem] = problems_of(environ={"WHERRY_STORE_DRIVR": "s3"})
    assert "WHERRY_STORE_DRIVR" in problem
    assert "Did you mean WHERRY_STORE_DRIVER?" in problem


def test_an_unknown_key_in_the_file_is_an_error_that_names_the_nearest_setting(toml):
    file = toml("portt = 1\n[store]\ndrivers = 's3'\n[stor]\nredirect = true\n")
    assert problems_of(config=file) == [
        f"{file} has 'portt', which is no setting. Did you mean port?",
        f"{file} has 'store.drivers', which is no setting. Did you mean store.driver?",
        f"{file} has 'stor.redirect', which is no setting. Did you mean store.redirect?",
    ]


def test_a_name_that_is_near_to_nothing_points_to_the_list():
    [problem] = problems_of(environ={"WHERRY_ZZZZZZ": "1"})
    assert "`wherry settings` lists them all" in problem


def test_a_bad_value_names_the_setting_the_value_and_what_is_valid():
    [problem] = problems_of(environ={"WHERRY_STORE_DRIVER": "ftp"})
    assert problem.startswith("store.driver must be filesystem, memory, s3, gcs or azure;")
    assert problem.endswith("environment WHERRY_STORE_DRIVER says 'ftp'.")
    assert problems_of(flags={"port": "70000"}) == [
        "port must be a whole number from 1 to 65535; flag --port says '70000'."
    ]


def test_all_mistakes_are_told_at_once():
    found = problems_of(flags={"port": "x", "nope": "1"}, environ={"WHERRY_WORKERS": "0", "WHERRY_NOPE": "1"})
    assert len(found) == 4


def test_a_toml_value_of_a_kind_that_no_setting_has_is_an_error(toml):
    [problem] = problems_of(config=toml("port = 1979-05-27\n"))
    assert problem.startswith("port must be a whole number")


def test_a_file_that_is_missing_or_not_toml_is_a_clear_error(tmp_path: Path, toml):
    [missing] = problems_of(config=tmp_path / "absent.toml")
    assert "cannot be read" in missing
    [broken] = problems_of(config=toml("port = = 1"))
    assert "is not TOML" in broken


def test_a_bad_secret_is_never_shown_in_the_error():
    [problem] = problems_of(environ={"WHERRY_ADMIN_PASSWORD": "hunter2\nhunter3"})
    assert "hunter" not in problem
    assert problem.startswith("admin_password must be")


def test_a_secret_can_be_read_from_the_file_that_its_variable_names(tmp_path: Path):
    file = tmp_path / "password"
    file.write_text("correct horse\n")
    resolved = load_settings(environ={"WHERRY_ADMIN_PASSWORD_FILE": str(file)})
    assert resolved.settings.admin_password == "correct horse"
    assert str(resolved.sources["admin_password"]) == "environment WHERRY_ADMIN_PASSWORD_FILE"
    [problem] = problems_of(environ={"WHERRY_ADMIN_PASSWORD_FILE": str(tmp_path / "absent")})
    assert "WHERRY_ADMIN_PASSWORD_FILE" in problem
    both = {"WHERRY_ADMIN_PASSWORD": "x", "WHERRY_ADMIN_PASSWORD_FILE": str(file)}
    assert "keep one" in problems_of(environ=both)[0]


def test_only_secrets_are_read_from_files(tmp_path: Path):
    [problem] = problems_of(environ={"WHERRY_PORT_FILE": str(tmp_path)})
    assert "There is no setting for the variable WHERRY_PORT_FILE" in problem


def test_variables_that_kubernetes_makes_for_a_service_named_wherry_are_left_alone():
    environ = {
        "WHERRY_SERVICE_HOST": "10.0.0.1",
        "WHERRY_SERVICE_PORT": "5000",
        "WHERRY_SERVICE_PORT_HTTP": "5000",
        "WHERRY_PORT": "tcp://10.0.0.1:5000",
        "WHERRY_PORT_5000_TCP": "tcp://10.0.0.1:5000",
        "WHERRY_PORT_5000_TCP_ADDR": "10.0.0.1",
    }
    assert load_settings(environ=environ).settings.port == 5000


def test_the_tree_is_frozen_and_shows_no_secret_in_its_text():
    settings = load_settings(
        environ={"WHERRY_ADMIN_PASSWORD": "hunter2", "WHERRY_STORE_SECRET_ACCESS_KEY": "hunter3"}
    ).settings
    assert "hunter" not in repr(settings)
    with pytest.raises(dataclasses.FrozenInstanceError):
        settings.port = 1  # type: ignore[misc]


def test_the_database_is_in_the_data_folder_unless_a_url_names_another(tmp_path: Path):
    assert Settings(data=tmp_path).effective_database_url == f"sqlite:///{tmp_path}/wherry.db"
    assert Settings(database_url="postgresql://db/x").effective_database_url == "postgresql://db/x"


class TestRules:
    def test_https_needs_both_files_and_they_must_be_there(self, tmp_path: Path):
        certificate = tmp_path / "tls.pem"
        certificate.touch()
        found = problems_of(flags={"tls.certificate": str(certificate)})
        assert found == ["tls.certificate is set, but tls.key is not: HTTPS needs both."]
        found = problems_of(flags={"tls.certificate": str(certificate), "tls.key": str(tmp_path / "absent")})
        assert found == [f"tls.key names {tmp_path / 'absent'}, which is not a file."]

    @pytest.mark.parametrize("driver", ["s3", "gcs", "azure"])
    def test_an_object_store_needs_a_url_of_its_own_scheme(self, driver: str):
        assert "needs store.url" in problems_of(flags={"store.driver": driver})[0]
        [problem] = problems_of(flags={"store.driver": driver, "store.url": "file:///srv"})
        assert f"the driver {driver} takes" in problem

    def test_an_object_store_with_its_url_is_accepted(self):
        flags = {"store.driver": "s3", "store.url": "s3://bucket/prefix", "store.redirect": "true"}
        assert load_settings(flags=flags).settings.store.driver is StoreDriver.S3

    def test_a_redirect_needs_an_object_store(self):
        assert "store.redirect needs an object store" in problems_of(flags={"store.redirect": "true"})[0]

    def test_memory_cannot_be_shared_by_workers(self):
        [problem] = problems_of(flags={"store.driver": "memory", "workers": "2"})
        assert "set workers to 1" in problem

    def test_a_provider_needs_a_client_id_and_the_scope_openid(self):
        issuer = {"oidc.issuer": "https://id.example.com"}
        assert problems_of(flags=issuer) == [
            "oidc.issuer is set, but oidc.client_id is not: the provider has to know who asks."
        ]
        registered = {**issuer, "oidc.client_id": "wherry"}
        assert load_settings(flags=registered).settings.oidc.client_id == "wherry"
        [problem] = problems_of(flags={**registered, "oidc.scopes": "profile email"})
        assert "has to contain openid" in problem

    @pytest.mark.parametrize("host", ["id.example.com", "192.0.2.1", "127.0.0.1.example.com"])
    def test_a_provider_elsewhere_is_not_spoken_to_over_plain_http(self, host: str):
        flags = {"oidc.issuer": f"http://{host}", "oidc.client_id": "wherry"}
        assert "plain HTTP" in problems_of(flags=flags)[0]

    @pytest.mark.parametrize("host", ["127.0.0.1:5556", "localhost", "[::1]:5556"])
    def test_a_provider_on_this_machine_may_speak_plain_http(self, host: str):
        flags = {"oidc.issuer": f"http://{host}/dex", "oidc.client_id": "wherry"}
        assert load_settings(flags=flags).settings.oidc.issuer == f"http://{host}/dex"


@pytest.mark.parametrize("lifetime", ["14m", "25h"])
def test_a_temporary_login_lives_between_a_quarter_of_an_hour_and_a_day(lifetime: str):
    assert problems_of(flags={"auth.temporary_login": lifetime}) == [
        "auth.temporary_login is from 15m to 24h."
    ]
