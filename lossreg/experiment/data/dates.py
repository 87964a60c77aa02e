"""Read dates as days since 1970-01-01: dates of Arrow, and text such as 2026-03-31T12:00+01:00 or of another format."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

ZONE = r" ?(Z|[+-][0-9]{2}:?[0-9]{2})"
DATE = rf"^[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}([ T][0-9]{{2}}:[0-9]{{2}}(:[0-9]{{2}}(\.[0-9]+)?)?({ZONE})?)?$"
DAY_FIRST, MONTH_FIRST = ("%d", "%m"), ("%m", "%d")


def days_since_1970(text: Any, missing: NDArray[np.bool_], kind: str) -> NDArray[np.float64]:
    """The days of text of the kind date, or of a format, in UTC where it has a zone; nan for what is no date."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    if kind != "date":
        return np.where(missing, np.nan, moments_as_days(pc.strptime(text, kind, "s", error_is_null=True)))
    nothing = pa.scalar(None, pa.string())
    present = pc.if_else(pa.array(~missing), text, nothing)
    is_date = pc.fill_null(pc.match_substring_regex(present, DATE), fill_value=False)
    with_zone = pc.match_substring_regex(present, f":[0-9.:]+{ZONE}$")
    local, zoned = (
        pc.if_else(pc.and_(is_date, chosen), present, nothing) for chosen in (pc.invert(with_zone), with_zone)
    )
    return moments_as_days(pc.coalesce(valid_moments(local), valid_moments(zoned, "UTC")))


def moments_as_days(moments: Any) -> NDArray[np.float64]:
    """The days of Arrow's dates and moments; nan for null."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    days = pc.divide(pc.cast(moments.cast(pa.timestamp("s"), safe=False).cast(pa.int64()), pa.float64()), 86_400.0)
    return np.asarray(days.to_numpy(zero_copy_only=False), np.float64)


def valid_moments(text: Any, zone: str | None = None) -> Any:
    """The moments that text stands for, in a time zone if it has one; null where no calendar has the date."""
    from datetime import UTC, datetime

    import pyarrow as pa

    try:
        return text.cast(pa.timestamp("s", zone)).cast(pa.timestamp("s"))
    except pa.ArrowInvalid:
        moments = []
        for cell in text.to_pylist():
            try:
                moment = None if cell is None else datetime.fromisoformat(cell.replace(" +", "+").replace(" -", "-"))
            except ValueError:
                moment = None
            moments.append(moment.astimezone(UTC).replace(tzinfo=None) if moment and moment.tzinfo else moment)
        return pa.array([moment and moment.replace(microsecond=0) for moment in moments], pa.timestamp("s"))


def format_of_dates(text: Any) -> str:
    """The format of dates such as 31.12.2026; empty if the order of day and month does not show."""
    import pyarrow as pa
    import pyarrow.compute as pc

    pattern = r"^(?P<a>[0-9]{1,2})(?P<sign>[./-])(?P<b>[0-9]{1,2})[./-](?P<year>[0-9]+)$"
    parts = pc.extract_regex(text.filter(pc.match_substring_regex(text, pattern)), pattern)
    signs, years = pc.unique(parts.field("sign")).drop_null(), pc.utf8_length(parts.field("year"))
    first, second = (pc.max(pc.cast(parts.field(name), pa.int64())).as_py() or 0 for name in "ab")
    months = 12
    if len(signs) != 1 or (first > months) == (second > months):
        return ""
    order = DAY_FIRST if first > months else MONTH_FIRST
    long = 2
    year = "%Y" if (pc.min(years).as_py() or 0) > long else "%y"
    return str(signs[0].as_py()).join([*order, year])
