"""A filter in the kernel that refuses a process what reaches out of it (seccomp; Linux on x86-64 and ARM64)."""

import ctypes
import os
import platform
import sys

# Each with its number on x86-64 and on ARM64, if it is there: those of the network; to start, trace, signal, slow down
# and talk to processes; to change files and what they are called; to get at any of these by a ring, a handle or another
# process; and those that only root may use, since a service in a container often is root.
_REFUSED = """
socket 41 198 | connect 42 203 | accept 43 202 | accept4 288 242 | sendto 44 206 | sendmsg 46 211
sendmmsg 307 269 | bind 49 200 | listen 50 201 | socketpair 53 199
clone 56 220 | clone3 435 435 | fork 57 | vfork 58 | execve 59 221 | execveat 322 281
kill 62 129 | tkill 200 130 | tgkill 234 131 | rt_sigqueueinfo 129 138 | rt_tgsigqueueinfo 297 240
pidfd_send_signal 424 424 | pidfd_open 434 434 | pidfd_getfd 438 438
ptrace 101 117 | process_vm_readv 310 270 | process_vm_writev 311 271
creat 85 | openat2 437 437 | truncate 76 45 | ftruncate 77 46 | fallocate 285 47
rename 82 | renameat 264 38 | renameat2 316 276 | link 86 | linkat 265 37 | symlink 88 | symlinkat 266 36
unlink 87 | unlinkat 263 35 | mkdir 83 | mkdirat 258 34 | rmdir 84 | mknod 133 | mknodat 259 33
chmod 90 | fchmod 91 52 | fchmodat 268 53 | fchmodat2 452 452
chown 92 | fchown 93 55 | lchown 94 | fchownat 260 54 | utime 132 | utimes 235 | futimesat 261 | utimensat 280 88
setxattr 188 5 | lsetxattr 189 6 | fsetxattr 190 7 | removexattr 197 14 | lremovexattr 198 15 | fremovexattr 199 16
io_uring_setup 425 425 | io_uring_enter 426 426 | io_uring_register 427 427 | open_by_handle_at 304 265
mq_open 240 180 | shmget 29 194 | shmat 30 196 | bpf 321 280 | perf_event_open 298 241 | userfaultfd 323 282
mount 165 40 | umount2 166 39 | move_mount 429 429 | open_tree 428 428 | fsopen 430 430 | mount_setattr 442 442
chroot 161 51 | pivot_root 155 41 | unshare 272 97 | setns 308 268 | init_module 175 105 | finit_module 313 273
kexec_load 246 104 | reboot 169 142 | swapon 167 224 | sethostname 170 161 | settimeofday 164 170
clock_settime 227 112 | keyctl 250 219 | add_key 248 217
setpriority 141 140 | ioprio_set 251 30 | sched_setaffinity 203 122 | sched_setscheduler 144 119
sched_setparam 142 118 | sched_setattr 314 274 | setpgid 109 154 | setsid 112 157 | kcmp 312 272
process_madvise 440 440 | process_mrelease 448 448 | migrate_pages 256 238 | move_pages 279 239
shmctl 31 195 | msgget 68 186 | msgsnd 69 189 | msgrcv 70 188 | msgctl 71 187
semget 64 190 | semop 65 193 | semctl 66 191 | semtimedop 220 192 | mq_unlink 241 181
fanotify_init 300 262 | fsmount 432 432 | fspick 433 433 | open_tree_attr 467 467
setxattrat 463 463 | removexattrat 466 466 | file_setattr 469 469
"""
# Those that a process needs for itself and not for others, by the same two numbers: where in struct seccomp_data the
# argument is that tells; and which values of it are refused, or alone allowed.
_FCNTL, _IOCTL, _PRLIMIT = (72, 25), (16, 29), (302, 261)
_FIRST_AT, _SECOND_AT = 16, 24
_OWNERS = (
    8,
    10,
    15,
)  # F_SETOWN, F_SETSIG, F_SETOWN_EX: whom the kernel signals when there is something to read
_TERMINALS = (0x8901, 0x8902, 0x5452, 0x5412, 0x541C)  # FIOSETOWN, SIOCSPGRP, FIOASYNC; TIOCSTI, TIOCLINUX
_ITSELF = 0
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND

# By machine: what linux/audit.h calls it; its column above; the numbers of `seccomp` and of those that open files, each
# with where in struct seccomp_data its flags are.
_MACHINES = {
    "x86_64": (0xC000003E, 1, 317, ((257, 32), (2, 24))),
    "aarch64": (0xC00000B7, 2, 277, ((56, 32),)),
}
_NUMBER_AT, _MACHINE_AT = 0, 4  # in struct seccomp_data
_LOAD, _EQUAL, _ANY_BIT, _RETURN = 0x20, 0x15, 0x45, 0x06  # BPF: ld abs, jeq, jset, ret
_ALLOW, _REFUSE = 0x7FFF0000, 0x00050000 | 1  # the second is the error EPERM
_OTHER_CONVENTION = 0x40000000  # of x86-64: x32, whose numbers begin there
_SET_FILTER, _ALL_THREADS, _NO_NEW_PRIVILEGES = 1, 1, 38

_Step = tuple[int, int, int, int]


class _Instruction(ctypes.Structure):
    _fields_ = (
        ("code", ctypes.c_ushort),
        ("if_so", ctypes.c_ubyte),
        ("if_not", ctypes.c_ubyte),
        ("value", ctypes.c_uint32),
    )


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("steps", ctypes.POINTER(_Instruction)))


def refuse_calls() -> bool:
    """Let the kernel refuse all threads of this process, for good, what reaches out of it; whether it does.

    They get the error EPERM. It does not where the system is no Linux, of another machine, or has no seccomp.
    """
    if sys.platform != "linux" or platform.machine() not in _MACHINES:
        return False
    machine, column, seccomp, opening = _MACHINES[platform.machine()]
    steps = _steps(machine, _refused(column), opening, column - 1)
    program = _Program(len(steps), (_Instruction * len(steps))(*(_Instruction(*step) for step in steps)))
    libc, number = ctypes.CDLL(None), ctypes.c_ulong
    libc.prctl(_NO_NEW_PRIVILEGES, number(1), number(0), number(0), number(0))
    done: int = libc.syscall(
        ctypes.c_long(seccomp), number(_SET_FILTER), number(_ALL_THREADS), ctypes.byref(program)
    )
    return done == 0


def _refused(column: int) -> list[int]:
    calls = (call.split() for call in _REFUSED.strip().replace("\n", "|").split("|"))
    return [int(call[column]) for call in calls if len(call) > column]


def _steps(
    machine: int, refused: list[int], opening: tuple[tuple[int, int], ...], machine_at: int
) -> list[_Step]:
    """The filter: (code, steps to skip if so, if not, value) each."""
    steps: list[_Step] = [
        (_LOAD, 0, 0, _MACHINE_AT),
        (_EQUAL, 1, 0, machine),
        (_RETURN, 0, 0, _REFUSE),
        (_LOAD, 0, 0, _NUMBER_AT),
        (_ANY_BIT, 0, 1, _OTHER_CONVENTION),
        (_RETURN, 0, 0, _REFUSE),
    ]
    for number in refused:
        steps += [(_EQUAL, 0, 1, number), (_RETURN, 0, 0, _REFUSE)]
    for numbers, values in ((_FCNTL, _OWNERS), (_IOCTL, _TERMINALS)):
        steps += [(_EQUAL, 0, 2 * len(values) + 2, numbers[machine_at]), (_LOAD, 0, 0, _SECOND_AT)]
        for value in values:
            steps += [(_EQUAL, 0, 1, value), (_RETURN, 0, 0, _REFUSE)]
        steps.append((_RETURN, 0, 0, _ALLOW))
    steps += [
        (_EQUAL, 0, 4, _PRLIMIT[machine_at]),
        (_LOAD, 0, 0, _FIRST_AT),
        (_EQUAL, 1, 0, _ITSELF),
        (_RETURN, 0, 0, _REFUSE),
        (_RETURN, 0, 0, _ALLOW),
    ]
    for number, flags_at in opening:
        steps += [
            (_EQUAL, 0, 4, number),
            (_LOAD, 0, 0, flags_at),
            (_ANY_BIT, 0, 1, _WRITES),
            (_RETURN, 0, 0, _REFUSE),
            (_RETURN, 0, 0, _ALLOW),
        ]
    return [*steps, (_RETURN, 0, 0, _ALLOW)]
