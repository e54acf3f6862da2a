"""Everything the job manager talks to, on one machine: Postgres, SFTP, a local Shopify, Airflow."""
