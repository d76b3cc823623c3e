/*
 * Leases, holds, reclaim and the gate (design P2 to P4): one slot, whose memory is used by generation 1, which the
 * dying client makes, and then by generation 2, which somebody else makes. See README.md.
 *
 * Mutants, each by a macro: NO_REREAD, NO_READER_FENCE, NO_WRITER_FENCE, NO_LIFELINE, NO_GRACE, NO_HOLD,
 * NO_HOLD_AFTER_DEATH, NO_NUDGE.
 */
#define DYING 0
#define CLIENTS 3 /* the dying one and the readers 1 and 2 */
#define BY_STREAM 4

#define VACANT 0
#define CREATED 1
#define LIVE 2
#define RETIRED 3
#define WORD(generation, state) ((generation) * 4 + (state))

mtype = { create, publish, unpublish, free, release_hold, nudge, bye, write, clear, to_state, to_index };

/* Shared memory. */
byte state_word = 0;
byte index_word = 0; /* the generation that the name leads to */
byte lease[CLIENTS];

/* Store buffers, first in, first out, as x86 has them: one store of each client, two of the service. */
bool is_buffered[CLIENTS];
byte buffered[CLIENTS];
chan service_stores = [2] of { mtype, byte };

/* Sockets and the GPU's queue. */
chan requests = [2] of { mtype };
bool is_nudged = false;
chan replies = [1] of { byte };
chan gpu = [2] of { mtype, byte };

/* How the dying client fares. */
bool is_dead = false;
bool has_child = false; /* which holds the lifeline and the driver's files */
bool is_cut = false;
bool gpu_stopped = false;

/* What must hold is said with these; nobody decides by them. */
byte owner = 0; /* the generation that the memory belongs to */
byte uses[CLIENTS]; /* the generation whose memory the client's processor may touch */
byte readers_done = 0;
bool client_done = false;

/* A store that the memory fence drains at once is seen by nobody as waiting: only without it the buffer is in play. */
#ifdef NO_READER_FENCE
#define STORE_LEASE(client, value) atomic { !is_buffered[client] -> buffered[client] = value; is_buffered[client] = true }
#else
#define STORE_LEASE(client, value) lease[client] = value
#endif
#ifdef NO_WRITER_FENCE
#define SERVICE_FENCE skip
#else
#define SERVICE_FENCE empty(service_stores) /* waits until its stores are in memory */
#endif

/* Who may touch memory touches that of its allocation. */
#define USE(generation) assert(owner == generation)

active proctype Cores() {
    byte value;
end:
    do
#ifdef NO_READER_FENCE
    :: d_step { is_buffered[0] -> lease[0] = buffered[0]; is_buffered[0] = false; buffered[0] = 0 }
    :: d_step { is_buffered[1] -> lease[1] = buffered[1]; is_buffered[1] = false; buffered[1] = 0 }
    :: d_step { is_buffered[2] -> lease[2] = buffered[2]; is_buffered[2] = false; buffered[2] = 0 }
#endif
    :: d_step { service_stores?to_state(value) -> state_word = value; value = 0 }
    :: d_step { service_stores?to_index(value) -> index_word = value; value = 0 }
    od
}

/* step: table::is_retired = allocation_state */
inline nudge_if_retired(generation) {
#ifndef NO_NUDGE
    if
    :: atomic { state_word == WORD(generation, RETIRED) -> is_nudged = true }
    :: else
    fi
#else
    skip
#endif
}

proctype Reader(byte client) {
    byte generation;

    /* step: table::acquire = lookup claim_entry allocation_state placement drop allocation_state nudge */
    if
    :: atomic { index_word == 0 -> goto done }
    :: atomic { index_word != 0 -> generation = index_word }
    fi;
    /* step: table::LeasePages::take = load.relaxed cas.seq_cst */
    STORE_LEASE(client, generation);
    /* step: table::TableReader::allocation_state = allocation load.seq_cst */
    if
#ifdef NO_REREAD
    :: uses[client] = generation
#else
    :: atomic { state_word == WORD(generation, LIVE) -> uses[client] = generation }
    :: state_word != WORD(generation, LIVE) -> goto drop
#endif
    fi;
    atomic { USE(generation); uses[client] = 0 };
drop:
    /* step: table::LeasePages::drop = store.seq_cst store.relaxed */
    /* step: table::drop_lease = drop is_retired nudge */
    /* step: client::drop_lease_now = drop_lease leases nudge */
    STORE_LEASE(client, 0);
    nudge_if_retired(generation);
    generation = 0;
done:
    readers_done++
}

/* A request, and its reply unless the session is cut. */
inline call(kind) {
    if
    :: atomic { !is_cut -> requests!kind }
    :: is_cut -> goto lost
    fi;
    if
    :: replies?generation
    :: is_cut -> goto lost
    fi
}

inline synchronise() { empty(gpu) }

proctype Dying() {
    byte generation = 0;
    {
        /* step: client::create = check_open create_now allocation_state get check_not_lost acquire_contents */
        /* step: client::try_to_create = call */
        if
        :: atomic { !is_cut -> requests!create }
        :: is_cut -> goto lost
        fi;
        if
        :: atomic { replies?generation -> uses[DYING] = 1 }
        :: is_cut -> goto lost
        fi;
        if
        :: USE(1)
        :: gpu!write(1)
        :: synchronise(); uses[DYING] = 0; requests!release_hold; goto leave
        fi;
        /* step: client::publish = check_open check_not_lost complete_behind synchronise release_contents send_publish keep add.relaxed */
        STORE_LEASE(DYING, 1);
        call(publish);
        if
        :: generation == 0 -> uses[DYING] = 0; goto leave
        :: else
        fi;
        /* step: client::unpublish = check_open send_free keep */
        /* step: client::free = check_open release_contents unpublish send_free drop_claim_behind drop_claim leases drop */
        if
        :: skip
        :: call(unpublish)
        :: call(unpublish); call(publish)
        :: synchronise(); uses[DYING] = 0; call(free); STORE_LEASE(DYING, 0); goto leave
        fi;
        if
        :: goto leave
        :: synchronise();
           uses[DYING] = 0;
           STORE_LEASE(DYING, 0);
           nudge_if_retired(1)
        :: /* step: client::drop_claim_behind = clear_lease_behind synchronise drop_claim_now is_retired nudge */
           /* step: client::StreamWords::clear_lease_behind = leave_to_stream signal */
           /* step: table::LeasePages::leave_to_stream = store.seq_cst load.relaxed */
           uses[DYING] = 0;
           STORE_LEASE(DYING, 1 + BY_STREAM);
           gpu!clear(1);
           nudge_if_retired(1)
        fi;
leave:
        /* step: client::Client::~Client = stop synchronise left_over leave_without_bye */
        if
        :: synchronise(); uses[DYING] = 0; call(bye)
        :: skip
        fi;
lost:
        /* Cut, it may use what it had for as long as it lives. */
        if
        :: atomic { uses[DYING] != 0 -> USE(1) }
        :: skip
        fi;
        false
    } unless { is_dead };
    client_done = true
}

/* Every process ends some day, the forked child as well. */
active proctype Fate() {
    if
    :: has_child = true
    :: skip
    fi;
    atomic { is_dead = true; uses[DYING] = 0 };
    has_child = false
}

/* A process of its own: goes on when its owner is dead and a child has the driver's files open. Afterwards the driver
   takes a while to stop it, at most as long as the grace period. */
active proctype Gpu() {
    do
    :: atomic { gpu?[write(1)] -> USE(1); gpu?write(_) }
    :: atomic { gpu?[clear(1)] -> lease[DYING] = 0; gpu?clear(_) }
    :: atomic { is_dead && !has_child && client_done -> break }
    od;
    do
    :: atomic { gpu?[write(1)] -> USE(1); gpu?write(_) }
    :: atomic { gpu?[clear(1)] -> lease[DYING] = 0; gpu?clear(_) }
    :: atomic {
           gpu_stopped = true;
           do
           :: gpu?_(_)
           :: empty(gpu) -> break
           od;
           break
       }
    od
}

#include "leases_service.pml"
