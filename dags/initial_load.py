"""The Airflow DAGs of the initial load, one for each job of the catalogue and one for all."""

from oms_airflow.build import build

build("initial_load")
