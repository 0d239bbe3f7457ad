"""The clocks: the machine's and the test's."""

from pathlib import Path

from jitui.values.clock import ManualClock, SystemClock


def test_the_systems_clock_counts_up_and_knows_its_boot() -> None:
    """Boot time does not go back, and the boot id is the kernel's."""
    clock = SystemClock()
    first, second = clock.now(), clock.now()
    assert second.boot_us >= first.boot_us > 0
    assert first.boot_id == Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    up_s = float(Path("/proc/uptime").read_text(encoding="ascii").split()[0])
    assert abs(clock.now().boot_us / 1e6 - up_s) < 5


def test_a_manual_clock_moves_as_told() -> None:
    """Asleep both clocks go on; setting the wall clock leaves the boot clock; a reboot counts from zero."""
    clock = ManualClock(wall_us=1000, boot_us=500)
    clock.advance(2)
    assert (clock.now().wall_us, clock.now().boot_us) == (2_001_000, 2_000_500)
    clock.set_wall(-1)
    assert (clock.now().wall_us, clock.now().boot_us) == (1_001_000, 2_000_500)
    clock.reboot("boot-2", off_seconds=3)
    assert (clock.now().wall_us, clock.now().boot_us, clock.now().boot_id) == (4_001_000, 0, "boot-2")
