"""The catalogue: what an entry may forget is noticed here, before Airflow would keep silent about it."""

import inspect
from importlib import import_module

import pytest

from oms import catalog
from oms.catalog import categories, model, pools, signals

WITH_FUNCTION = [job for job in catalog.JOBS.values() if isinstance(job, catalog.TaskJob | catalog.ShopJob)]
SHAPES = [shape for shape in vars(model).values() if inspect.isclass(shape) and issubclass(shape, model.Job)]


@pytest.fixture(params=sorted(catalog.JOBS))
def job(request: pytest.FixtureRequest) -> catalog.Job:
    return catalog.JOBS[request.param]


def test_a_job_names_a_category_a_direction_a_pool_and_signals_that_there_are(job: catalog.Job):
    assert job.category in catalog.CATEGORIES
    assert job.direction in catalog.DIRECTIONS
    assert job.pool in {"default_pool", *(pool.name for pool in pools.POOLS)}
    assert set(job.signals) <= set(signals.SIGNALS)


def test_a_job_has_its_place_in_its_category_or_says_why_not(job: catalog.Job):
    together = {one.category: one for one in categories.TOGETHER}
    if job.category in together and not isinstance(job, catalog.CategoryJob):
        is_placed = job.dag_id in together[job.category].order
        assert is_placed != bool(job.runs_alone), (
            "give it its place in oms/catalog/categories.py, or runs_alone"
        )


def test_an_order_names_only_jobs_of_its_category():
    for category in categories.TOGETHER:
        assert {catalog.JOBS[dag_id].category for dag_id in category.order} == {category.category}


def test_ids_of_jobs_are_unique_and_a_job_is_found_by_its_id_in_capitals():
    ids = [i for job in catalog.JOBS.values() for i in (job.enum_id, *job.aliases) if i]

    assert len(ids) == len(set(ids))
    assert catalog.IMPORT_ITEM_RECEIPT is catalog.JOBS["import_item_receipt"]
    with pytest.raises(AttributeError, match="no IMPORT_NOTHING"):
        _ = catalog.IMPORT_NOTHING


@pytest.mark.parametrize("job", WITH_FUNCTION, ids=lambda job: job.dag_id)
def test_the_function_of_a_job_is_handed_its_work(job: catalog.TaskJob | catalog.ShopJob):
    module, name = job.function.split(":")
    needed = [
        parameter.name
        for parameter in inspect.signature(getattr(import_module(module), name)).parameters.values()
        if parameter.default is parameter.empty
    ]

    assert needed == (["work", "shop_id"] if isinstance(job, catalog.ShopJob) else ["work"])


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.__name__)
def test_every_shape_is_known_by_its_name(shape: type[model.Job]):
    assert getattr(catalog, shape.__name__) is shape
