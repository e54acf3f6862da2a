"""The Airflow DAGs of products, one for each job of the catalogue and one for all."""

from oms_airflow.build import build

build("products")
