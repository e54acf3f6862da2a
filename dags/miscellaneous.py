"""The Airflow DAGs of the care of the OMS itself, one for each job of the catalogue and one for all."""

from oms_airflow.build import build

build("miscellaneous")
