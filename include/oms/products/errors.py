"""What can go wrong with an import of products."""


class ExportFailed(Exception):
    """The shop could not produce its catalogue; a new export has to be asked for."""


class ExportIncomplete(Exception):
    """The downloaded catalogue is shorter than the shop says; the same file can be downloaded again."""
