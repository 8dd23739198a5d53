"""Admission of connections, and eviction of others."""

from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import Counter, Gauge

from service.ops.config import ServerSettings
from service.ops.connections.guests import ConnectionBounds, Guests, Tallies, grouped


@dataclass(eq=False)
class Connection:
    host: str
    idle: bool = True
    dismissed: bool = field(default=False, init=False)

    def dismiss(self) -> None:
        self.dismissed = True


def guests(most: int, each: int) -> Guests:
    return Guests(
        ConnectionBounds(most, each), Tallies(Gauge("g", "G.", registry=None), Counter("c", "C.", registry=None))
    )


def test_who_opens_too_many_pays_with_his_own_idle_ones() -> None:
    here = guests(10, 3)
    busy, *idle = (Connection("a", idle=False), Connection("a"), Connection("a"))
    other = Connection("b")
    for each in (other, busy, *idle):
        assert here.enter(each.host, each)
    assert here.enter("a", Connection("a"))
    assert [each.dismissed for each in (other, busy, *idle)] == [False, False, True, False]


def test_who_has_everything_in_work_gets_no_more() -> None:
    here = guests(10, 2)
    assert all(here.enter("a", Connection("a", idle=False)) for _ in range(2))
    assert not here.enter("a", Connection("a"))
    assert here.enter("b", Connection("b"))


def test_a_full_house_is_cleared_of_who_has_most() -> None:
    here = guests(4, 4)
    few, many = Connection("few"), [Connection("many") for _ in range(3)]
    for each in (few, *many):
        here.enter(each.host, each)
    assert here.enter("new", Connection("new"))
    assert [each.dismissed for each in (few, *many)] == [False, True, False, False]


@given(st.lists(st.tuples(st.sampled_from("abc"), st.booleans(), st.booleans()), max_size=60))
def test_there_are_never_more_than_there_is_room_for(steps: list[tuple[str, bool, bool]]) -> None:
    here, inside = guests(5, 3), list[Connection]()
    for host, idle, leaves in steps:
        if leaves and inside:
            gone = inside.pop()
            here.leave(gone.host, gone)
            here.leave(gone.host, gone)
        connection = Connection(host, idle)
        if here.enter(host, connection):
            inside.append(connection)
        inside = [each for each in inside if not each.dismissed]
        assert len(inside) <= 5
        assert all(sum(each.host == name for each in inside) <= 3 for name in "abc")
        assert here.tallies.opened._value.get() == len(inside)  # type: ignore[attr-defined]


def test_one_machine_of_ipv6_is_one_address() -> None:
    assert grouped("2001:db8::1") == grouped("2001:db8::ffff:1") != grouped("2001:db8:0:1::1")
    assert grouped("::ffff:10.0.0.1") == grouped("10.0.0.1") != grouped("10.0.0.2")


def test_connections_leave_descriptors_for_everything_else() -> None:
    assert ConnectionBounds.of(ServerSettings(), 1024) == ConnectionBounds(512, 512)
    assert ConnectionBounds.of(ServerSettings(connections=100, connections_each=10), 1024) == ConnectionBounds(100, 10)
