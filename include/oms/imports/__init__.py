"""Files from SFTP: arrival, landing, applying, closing; one module and one .sql file per file type.

A file is claimed and copied into an unlogged staging table (landing), turned into ledger entries chunk by
chunk (applying), and moved away when every row of it is accounted for (closing). architecture.md 4.
"""
