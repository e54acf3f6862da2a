# The job manager on the official Airflow image: what it runs with, in the versions of the lock, and our code.
FROM apache/airflow:3.3.2-python3.11 AS job-manager

COPY requirements /tmp/requirements
COPY requirements.txt /tmp/
RUN pip install --no-cache-dir --requirement /tmp/requirements/running.in --constraint /tmp/requirements.txt
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

# The local shop of docker-compose.yaml needs more.
FROM job-manager AS local-shop
RUN pip install --no-cache-dir --requirement /tmp/requirements/sandbox.in --constraint /tmp/requirements.txt

# Without a target the image is the job manager.
FROM job-manager
