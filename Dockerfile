# The job manager on the official Airflow image: our direct dependencies in the versions of the lock, our code.
FROM apache/airflow:3.3.2-python3.11

COPY requirements.in requirements.txt /tmp/
RUN pip install --no-cache-dir --requirement /tmp/requirements.in --constraint /tmp/requirements.txt
# A new volume takes over the owner of the folder it covers.
RUN mkdir -p /opt/airflow/fakeshop

ENV TZ=UTC \
    PYTHONPATH=/opt/airflow/include:/opt/airflow/plugins \
    AIRFLOW__CORE__LOAD_EXAMPLES=False \
    AIRFLOW__CORE__DAG_DISCOVERY_SAFE_MODE=False

COPY --chown=airflow:root config /opt/airflow/config
COPY --chown=airflow:root include /opt/airflow/include
COPY --chown=airflow:root plugins /opt/airflow/plugins
COPY --chown=airflow:root dags /opt/airflow/dags
