"""Parameters of a run: aliases, defaults, and what is refused before any effect (inventory.md 3.3)."""

from pathlib import Path
from typing import Any

import pytest

from oms import catalog, config, docs
from oms.catalog import IMPORT_INVENTORY_RESET, IMPORT_INVENTORY_VARIANCE, IMPORT_PRODUCTS_IN_BULK
from oms.filenames import is_glob
from oms.parameters import BadParameter, resolve

RESET = IMPORT_INVENTORY_RESET
DELTAS = catalog.PUSH_INVENTORY_DELTAS
PULL = catalog.JOBS["sync_inventory_from_shopify"]


@pytest.mark.parametrize("emptied", ["", []])
def test_an_emptied_field_is_none(emptied):
    given = resolve(catalog.UPLOAD_INVENTORY, {"shopId": emptied})

    assert given["shopId"] is None


def test_without_values_the_spec_s_defaults_hold():
    values = resolve(RESET, {})

    assert values | {} == {
        "configId": "RESET_INVENTORY",
        "propertyResource": "FTP_CONFIG",
        "importPath": "pos/morning_inventory_sync/staging/incoming",
        "remoteFilename": None,
        "fileNameRegex": "*.csv",
        "waitMinutes": 0,
        "settleSeconds": 2,
        "groupBy": "facilityId",
        "scheduleNow": False,
        "additionalParameters": None,
        "locationSeqId": "TLTLTLLL01",
        "defaultIdType": "SKU",
        "encoding": "utf-8",
        "delimiter": ",",
        "decimalSeparator": None,
        "requireFinalNewline": False,
        "maxUncompressedBytes": 4 * 1024**3,
        "maxLines": 20_000_000,
        "maxRejects": 100_000,
        "excludedProductTypes": None,
        "maxFiles": 200,
        "maxChunks": 16,
        "minChunkRows": 3000,
        "force": False,
        "createdByJobID": None,
        "resetByAtp": True,
        "maxDropPct": None,
        "maxRowDeviationPct": None,
        "holdMissingFacilities": False,
    }
    assert resolve(IMPORT_INVENTORY_VARIANCE, {})["scheduleNow"] is True


@pytest.mark.parametrize(
    ("job", "alias", "canonical", "value"),
    [
        (RESET, "configID", "configId", "REC_INV_COUNT"),
        (RESET, "propertyResources", "propertyResource", "ERP_SFTP"),
        (RESET, "importpath", "importPath", "erp/in"),
        (RESET, "createdByJobId", "createdByJobID", "nightly/1"),
        (catalog.UPLOAD_RECENT_INVENTORY_CHANGES, "facilityGroupID", "facilityGroupId", "STORES"),
        (catalog.UPLOAD_INVENTORY, "useVaildATP", "useValidATP", True),
    ],
)
def test_the_seeds_spellings_are_accepted(job: catalog.Job, alias: str, canonical: str, value: Any):
    assert resolve(job, {alias: value})[canonical] == value
    form = {p.name: p.default for p in job.parameters} | {alias: value}
    assert resolve(job, form)[canonical] == value, "the form sends the default of the canonical name along"


def test_the_file_s_folder_follows_its_configuration():
    assert resolve(RESET, {"configId": "REC_INV_COUNT"})["importPath"] == "pos/inventory_count/incoming"


def test_additional_parameters_count_as_the_parameter_of_that_name():
    values = resolve(RESET, {"additionalParameters": {"groupBy": "idType", "resetByAtp": False}})

    assert (values["groupBy"], values["resetByAtp"]) == ("idType", False)


def test_a_run_s_value_beats_the_installation_s_which_beats_the_catalogue_s():
    installed = {"importpath": "erp/in", "maxChunks": 4}

    values = resolve(RESET, {"maxChunks": 8}, installed)

    assert (values["importPath"], values["maxChunks"]) == ("erp/in", 8)


def test_an_emptied_field_of_the_form_is_no_value():
    values = resolve(RESET, {"groupBy": "", "remoteFilename": ""})

    assert (values["groupBy"], values["remoteFilename"]) == (None, None)


@pytest.mark.parametrize(
    ("job", "conf", "name", "expected"),
    [
        (RESET, {"facility": "43"}, "facility", "fileNameRegex"),
        (RESET, {"scheduleNow": "yes"}, "scheduleNow", "boolean or null"),
        (RESET, {"maxChunks": True}, "maxChunks", "integer"),
        (RESET, {"maxChunks": "4"}, "maxChunks", "integer"),
        (RESET, {"maxChunks": 0}, "maxChunks", "at least 1"),
        (RESET, {"waitMinutes": 100_000}, "waitMinutes", "at most 720"),
        (RESET, {"configId": "RESET_STOCK"}, "configId", "one of 'RESET_INVENTORY'"),
        (RESET, {"configId": None}, "configId", "a value"),
        (RESET, {"propertyResource": ""}, "propertyResource", "a value"),
        (RESET, {"propertyResource": "sftp://u:p@h"}, "propertyResource", "the name of an SFTP connection"),
        (RESET, {"importPath": "pos/../../etc"}, "importPath", "without '..'"),
        (RESET, {"remoteFilename": "../stock.csv"}, "remoteFilename", "without a folder"),
        (RESET, {"fileNameRegex": r"inv_(\d+.csv"}, "fileNameRegex", "a legal regular expression"),
        (RESET, {"fileNameRegex": "inv[0-9*.csv"}, "fileNameRegex", "a legal regular expression"),
        (RESET, {"fileNameRegex": "a/*.csv"}, "fileNameRegex", "without '/'"),
        (RESET, {"fileNameRegex": r"(?!old)\w+\.csv"}, "fileNameRegex", "no lookahead"),
        (RESET, {"fileNameRegex": r"(?!old)\w+\.csv"}, "fileNameRegex", "invalid perl operator: (?!"),
        (RESET, {"fileNameRegex": r"(\d+)_\1\.csv"}, "fileNameRegex", r"invalid escape sequence: \1"),
        (RESET, {"fileNameRegex": r"((\d{99}){99}){99}"}, "fileNameRegex", "invalid repetition size"),
        (RESET, {"fileNameRegex": "a" * 1001}, "fileNameRegex", "at most 1000 characters"),
        (RESET, {"maxDropPct": 200}, "maxDropPct", "at most 100"),
        (RESET, {"maxDropPct": float("nan")}, "maxDropPct", "a number"),
        (RESET, {"createdByJobID": "a\x00b"}, "createdByJobID", "without NUL"),
        (RESET, {"defaultIdType": "\ud800"}, "defaultIdType", "surrogates"),
        (RESET, {"locationSeqId": "A\udfff"}, "locationSeqId", "surrogates"),
        (RESET, {"additionalParameters": {"groupBy": "\x00"}}, "additionalParameters", "without NUL"),
        (RESET, {"excludedProductTypes": ["A", "\x00"]}, "excludedProductTypes", "without NUL"),
        (RESET, {"groupBy": "g" * 5000}, "groupBy", "at most 1000 characters"),
        (RESET, {"importPath": "in/" * 2000}, "importPath", "at most 1000 characters"),
        (RESET, {"importPath": "in/" + "ü" * 200}, "importPath", "at most 255 bytes"),
        (RESET, {"remoteFilename": "ü" * 200}, "remoteFilename", "at most 255 bytes"),
        (RESET, {"propertyResource": "A" * 300}, "propertyResource", "the name of an SFTP connection"),
        (RESET, {"importPath": "in/a\nb"}, "importPath", "no line breaks"),
        (RESET, {"importPath": " in/a"}, "importPath", "no blanks at their ends"),
        (RESET, {"importPath": "~/in"}, "importPath", "SFTP knows no '~'"),
        (catalog.JOBS["export_product_thresholds"], {"exportPath": "~oms/out"}, "exportPath", "no '~'"),
        (catalog.JOBS["export_product_thresholds"], {"threshold": 10**30}, "threshold", "a number from"),
        (catalog.JOBS["undo_import"], {"logId": 2**63}, "logId", "a number from"),
        (catalog.JOBS["scheduled_restock"], {"shipmentId": -(2**63)}, "shipmentId", "a number from"),
        (RESET, {"maxRowDeviationPct": 1e308}, "maxRowDeviationPct", "a number from"),
        (RESET, {"remoteFilename": "a\nb.csv"}, "remoteFilename", "without line breaks"),
        (PULL, {"frequency": "15 parsecs"}, "frequency", "integer"),
        (RESET, {"encoding": "utf-32"}, "encoding", "one of 'utf-8'"),
        (RESET, {"additionalParameters": [1]}, "additionalParameters", "object or null"),
        (RESET, {"additionalParameters": {"colour": 1}}, "additionalParameters.colour", "resetByAtp"),
        (RESET, {"additionalParameters": {"resetByAtp": "no"}}, "additionalParameters.resetByAtp", "boolean"),
        (
            RESET,
            {"groupBy": "idType", "additionalParameters": {"groupBy": "facilityId"}},
            "additionalParameters.groupBy",
            "only one of the two",
        ),
        (RESET, {"importPath": "a", "importpath": "b"}, "importpath", "only one of the two"),
        (DELTAS, {"includeAll": True}, "includeAll", "facilityGroupId"),
        (DELTAS, {"limit": 251}, "limit", "at most 250"),
        (DELTAS, {"shopId": [7]}, "shopId", "a list of texts"),
        (IMPORT_PRODUCTS_IN_BULK, {}, "shopId", "a value"),
        (IMPORT_PRODUCTS_IN_BULK, {"shopId": []}, "shopId", "a value"),
        (catalog.JOBS["inventory"], {"jobs": ["upload_stock"]}, "jobs", "'import_inventory_reset'"),
    ],
)
def test_a_wrong_parameter_is_named_with_its_value_and_what_it_should_be(
    job: catalog.Job, conf: dict[str, Any], name: str, expected: str
):
    with pytest.raises(BadParameter) as refused:
        resolve(job, conf)

    assert refused.value.name == name
    assert expected in refused.value.expected
    assert name in str(refused.value)
    assert repr(refused.value.value)[:100] in str(refused.value)
    assert len(str(refused.value)) < 1000


@pytest.mark.parametrize(
    ("job", "name", "said", "meant"),
    [
        (PULL, "frequency", "15 minutes", 15),
        (PULL, "bufferTime", "5 minutes", 5),
        (PULL, "bufferTime", "5", 5),
        (PULL, "scheduleNow", "Enabled", True),
        (RESET, "scheduleNow", "Enabled", True),
        (RESET, "scheduleNow", "Disabled", False),
    ],
)
def test_the_plain_texts_of_the_product_documents_are_taken(
    job: catalog.Job, name: str, said: str, meant: Any
):
    assert resolve(job, {name: said})[name] == meant
    assert resolve(job, {}, {name: said})[name] == meant


@pytest.mark.parametrize("said", ["Enabledd", "15 hours", "minutes", "1e3", "-5 minutes", "١٥", "on"])
@pytest.mark.parametrize("name", ["frequency", "scheduleNow"])
def test_other_texts_are_refused(name: str, said: str):
    with pytest.raises(BadParameter, match=f"parameter {name} = '{said}': expected (integer|boolean)"):
        resolve(PULL, {name: said})


def test_a_text_in_jobs_yaml_is_the_value_behind_it_in_the_form(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """The form shows any text as a switch that is on."""
    settings = tmp_path / "jobs.yaml"
    settings.write_text(
        "jobs: {sync_inventory_from_shopify: {parameters: {scheduleNow: Disabled, buffertime: 7 minutes}}}"
    )
    monkeypatch.setenv("OMS_JOBS_YAML", str(settings))

    installed = config.job_settings(PULL)

    assert installed.default_of(PULL.parameter("scheduleNow")) is False
    assert installed.default_of(PULL.parameter("bufferTime")) == 7


def test_the_form_is_handed_no_bounds():
    """Airflow's form makes 100 of a 200 that was typed where the bound is 100: a guard that never stops."""
    schemas = [docs.schema_of(parameter) for job in catalog.JOBS.values() for parameter in job.parameters]

    assert not [schema for schema in schemas if {"minimum", "maximum"} & set(schema)]
    assert "From 0 to 100." in docs.schema_of(RESET.parameter("maxDropPct"))["description"]


def test_examples_of_groups_are_those_of_the_product_documents():
    shown = {job.dag_id: job.parameter("groupBy").example for job in catalog.jobs_of(catalog.ImportJob)}

    assert shown["import_product_thresholds"] == shown["import_inbound_shipment"] == "category"
    assert shown["import_inventory_reset"] == "facilityId"
    assert catalog.JOBS["sync_inventory_from_shopify_multi_threading"].parameter("groupBy").example == (
        "location_id"
    )


@pytest.mark.parametrize(
    ("pattern", "glob"),
    [
        ("*.csv", True),
        ("*.*", True),
        ("stock*.csv", True),
        ("stock?.csv", True),
        ("stock.csv", True),
        (r"inv_\d+\.csv", False),
        ("inv_.*", False),
        ("inv_[0-9].csv", False),
    ],
)
def test_what_cannot_be_a_regular_expression_is_a_glob(pattern: str, glob: bool):
    assert is_glob(pattern) is glob


@pytest.mark.parametrize("job", catalog.JOBS.values(), ids=lambda job: job.dag_id)
def test_every_default_and_example_of_the_catalogue_is_allowed(job: catalog.Job):
    required = {p.name: p.example for p in job.parameters if p.required and p.default is None}

    resolve(job, required)
    for parameter in job.parameters:
        resolve(job, required | {parameter.name: parameter.example})


def test_every_id_and_spelling_is_used_once():
    ids = [
        i for job in catalog.JOBS.values() for i in (job.dag_id, *filter(None, (job.enum_id,)), *job.aliases)
    ]
    assert len(ids) == len(set(ids))
    for job in catalog.JOBS.values():
        spellings = [s for p in job.parameters for s in (p.name, *p.aliases)]
        assert len(spellings) == len(set(spellings)), job.dag_id


class TestInstallation:
    @pytest.fixture
    def jobs_yaml(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        path = tmp_path / "jobs.yaml"
        monkeypatch.setenv("OMS_JOBS_YAML", str(path))
        return path

    def test_a_file_of_its_own_changes_schedule_and_parameters(self, jobs_yaml: Path):
        jobs_yaml.write_text(
            "time_zone: Asia/Tokyo\n"
            "jobs:\n"
            "  import_inventory_reset:\n"
            "    schedule: null\n"
            "    parameters: {importpath: erp/in, resetByAtp: false}\n"
        )

        reset = config.job_settings(RESET)

        assert (reset.schedule, reset.time_zone) == (None, "Asia/Tokyo")
        assert resolve(RESET, {}, reset.parameters)["importPath"] == "erp/in"
        assert config.job_settings(DELTAS).schedule == "*/5 * * * *"

    @pytest.mark.parametrize(
        ("text", "named"),
        [
            ("jobs: [1]", "jobs. must be"),
            ("jobs: {upload_stock: {}}", "jobs.upload_stock is unknown"),
            ("jobs: {inventory: {cron: x}}", "jobs.inventory.cron is unknown"),
            ("time_zone: Mars/Olympus", "Mars/Olympus"),
            ("jobs: {", "not valid YAML"),
            ("jobs: {import_inventory_reset: {parameters: {maxChunks: many}}}", "maxChunks = 'many'"),
        ],
    )
    def test_what_the_catalogue_does_not_know_is_refused(self, jobs_yaml: Path, text: str, named: str):
        jobs_yaml.write_text(text)

        with pytest.raises(config.BadSettings) as refused:
            config.job_settings(RESET)

        assert named in str(refused.value)
        assert str(jobs_yaml) in str(refused.value)

    def test_a_missing_file_is_named(self, jobs_yaml: Path):
        with pytest.raises(config.BadSettings, match="OMS_JOBS_YAML"):
            config.job_settings(RESET)
