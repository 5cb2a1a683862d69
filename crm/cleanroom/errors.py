"""What can go wrong when a room is asked, told apart so that a caller knows whose turn it is."""

from __future__ import annotations

from crm.errors import EndcapError


class CleanRoomError(EndcapError):
    """The base of all below."""


class BadQuery(CleanRoomError):
    """The question itself; `field` and `value` say where. Asking again the same way will not help."""

    status = 400


class BudgetSpent(CleanRoomError):
    """The room's privacy budget does not cover the question; `whole_again_at` and `affordable_at` say when it will."""

    status = 403


class RoomRefused(CleanRoomError):
    """The endpoint did not take our key, or does not let us in."""

    status = 502


class RoomUnavailable(CleanRoomError):
    """The endpoint could not be reached or had no time, also after trying again. Asking later may help."""

    status = 503


class BadReply(CleanRoomError):
    """The endpoint answered something that is not an answer."""

    status = 502


class RoomNotSafe(CleanRoomError):
    """The row of the room is set up in a way that we do not follow: no https, a private address, a strange key name."""

    status = 400
