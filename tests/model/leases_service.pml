/* The service of leases.pml: its private records, and what it does in one thread, one event after the other. */
#define NOBODY CLIENTS
#define MEMBER 0
#define QUARANTINED 1
#define OVER 2

byte generation_now = 0;
byte life = VACANT; /* of generation_now, as the service knows it */
byte holder = NOBODY;
bool is_named = false;
bool is_listed = false; /* among the retired ones */
bool gave_up = false; /* the dying client's lease counts no more */
byte stage = MEMBER;
bool scan_wanted = false;
bool waits_for_streams = false;
#ifndef SPARE_SCANS
#define SPARE_SCANS 0
#endif
byte spare_scans = SPARE_SCANS; /* scans for other reasons, such as a create that finds no memory */
#ifndef SPARE_RESTS
#define SPARE_RESTS 0
#endif
byte spare_rests = SPARE_RESTS; /* how often a scan is put off */
bool is_put_off = false;

/* step: table::Allocations::apply = next_state store_state give_back */
/* step: table::Allocations::store_state = store.seq_cst */
inline store_state(next) {
    life = next;
    service_stores!to_state(WORD(generation_now, next));
    SERVICE_FENCE
}

/* step: table::Allocations::add = take store_words store_state */
inline add() {
    generation_now++;
    owner = generation_now;
    store_state(CREATED)
}

/* step: service::Allocations::settle = state apply apply push_back */
inline settle() {
    if
    :: !is_named && holder == NOBODY ->
        if
        :: life == LIVE || life == CREATED -> store_state(RETIRED)
        :: else
        fi;
        is_listed = true;
        scan_wanted = true
    :: else
    fi
}

/* step: service::Publications::make_live = apply publish apply */
/* step: service::Publications::publish = reserve state make_live erase find detach attach drop_hold settle */
inline make_public() {
    store_state(LIVE);
    service_stores!to_index(generation_now);
    is_named = true;
    gave_up = false;
    holder = NOBODY
}

/* step: service::Publications::remove = unpublish find detach erase settle */
inline remove_name() {
    service_stores!to_index(0);
    is_named = false;
    settle()
}

/* step: service::Context::free = get check_right give_up drop_hold unpublish settle touch */
inline free_it() {
    holder = NOBODY;
    if
    :: is_named -> remove_name()
    :: else -> settle()
    fi;
    scan_wanted = true
}

/* step: service::Context::release_hold = find drop_hold settle touch */
/* step: service::Context::nudge = find touch */
/* step: service::Allocations::give_up = leases push_back */
inline serve(kind) {
    if
    :: kind == create ->
        add();
#ifdef NO_HOLD
        settle();
#else
        holder = DYING;
#endif
        replies!1
    :: kind == publish ->
        if
        :: generation_now == 1 && life != VACANT && (holder == DYING || lease[DYING] == 1) ->
            make_public();
            replies!1
        :: else -> replies!0
        fi
    :: kind == unpublish -> free_it(); replies!1
    :: kind == free -> gave_up = true; free_it(); replies!1
    :: kind == release_hold ->
        if
        :: holder == DYING -> holder = NOBODY; settle()
        :: else
        fi
    :: kind == bye -> finalise(); replies!1
    fi
}

/* step: service::Teardown::finalise = producer_gone say_goodbye forget remove_member stop_watching erase */
/* step: service::Context::remove_member = drop_hold settle erase touch */
inline finalise() {
    stage = OVER;
    if
    :: holder == DYING -> holder = NOBODY; settle()
    :: else
    fi;
    scan_wanted = true
}

/* step: service::Teardown::quarantine = producer_died say_goodbye hang_up pass_gate */
inline quarantine() {
    stage = QUARANTINED;
#ifdef NO_HOLD_AFTER_DEATH
    if
    :: holder == DYING -> holder = NOBODY; settle()
    :: else
    fi
#endif
}

/* step: table::LeaseBook::scan = load.seq_cst visit */
/* step: service::Allocations::for_each_lease = scan find gave_up visit */
inline look_at(client) {
    /* One load; what follows is the service's own. */
    atomic {
        entry = lease[client];
        if
        :: entry % BY_STREAM == generation_now && entry != 0 && !(client == DYING && (gave_up || stage == OVER)) ->
            is_seen = true;
            waits_for_streams = waits_for_streams || entry > BY_STREAM
        :: else
        fi;
        entry = 0
    }
}

/* step: service::Allocations::collect = for_each_lease reclaim */
/* step: service::Allocations::reclaim = apply free */
inline collect() {
    look_at(0);
    look_at(1);
    look_at(2);
    atomic {
        if
        :: is_named || holder != NOBODY || is_seen ->
            is_listed = !(is_named || holder != NOBODY)
        :: else ->
            /* The promise: nobody may touch the memory any more. */
            assert(uses[0] != generation_now && uses[1] != generation_now && uses[2] != generation_now);
            assert(!(generation_now == 1 && gpu??[write(1)]));
            is_listed = false;
            store_state(VACANT);
            owner = 0
        fi;
        is_seen = false
    }
}

/* step: service::Teardown::pass_gate = add finalise */
#ifdef NO_LIFELINE
#define LIFELINE_ENDED true
#else
#define LIFELINE_ENDED !has_child
#endif
/* The grace period is long enough for a GPU whose driver files are closed. It knows nothing of files that are not. */
#ifdef NO_GRACE
#define GRACE_IS_OVER true
#else
#define GRACE_IS_OVER (gpu_stopped || has_child)
#endif

active proctype Service() {
    mtype message;
    byte entry = 0;
    bool is_seen = false;
end:
    do
    /* step: service::Service::Parts::tidy = settle_context rests_until collect follow_streams rearm rearm scan_later trim pump tell_room forget touch */
    /* Put off, because the last one took long. */
    :: atomic { scan_wanted && spare_rests > 0 -> spare_rests--; scan_wanted = false; is_put_off = true }
    :: atomic { !scan_wanted && is_put_off -> is_put_off = false; scan_wanted = true }
    :: atomic { scan_wanted -> scan_wanted = false; waits_for_streams = false };
       if
       :: is_listed -> collect()
       :: else
       fi
    :: atomic { !scan_wanted && stage == MEMBER && nempty(requests) -> requests?message; serve(message); message = 0 }
    :: atomic { !scan_wanted && is_nudged -> is_nudged = false; scan_wanted = is_listed }
    /* step: service::Teardown::leave = pass_gate say_goodbye stop_watching erase withdraw finalise quarantine */
    /* step: service::Teardown::say_goodbye = tell remove_all */
    :: atomic { !scan_wanted && stage == MEMBER && !is_dead -> is_cut = true; quarantine() }
    /* step: service::Service::Parts::on_exit = on_exit */
    /* step: service::Service::Parts::on_request = receive request close */
    :: atomic { !scan_wanted && stage == MEMBER && is_dead && empty(requests) -> quarantine() }
    :: atomic { !scan_wanted && stage == QUARANTINED && is_dead && LIFELINE_ENDED && GRACE_IS_OVER -> finalise() }
    /* step: service::FenceWatch::follow_streams = scan_later */
    /* step: service::FenceWatch::scan_later = add */
    /* The scan every 50 ms. One that comes before the GPU has cleared the lease finds nothing and asks for the next. */
    :: atomic { !scan_wanted && waits_for_streams && lease[DYING] == 0 -> scan_wanted = true }
    :: atomic { !scan_wanted && spare_scans > 0 -> spare_scans--; scan_wanted = true }
    /* The name is taken away by somebody else. */
    :: atomic { !scan_wanted && is_named -> remove_name() }
    /* The memory is used again. */
    :: atomic { !scan_wanted && generation_now == 1 && life == VACANT -> add(); make_public() }
    od
}

/* Nothing can move any more: nobody waits, and what nobody held has come back. */
active proctype End() {
    timeout;
    assert(client_done && readers_done == 2);
    assert(life == VACANT && empty(service_stores))
}

init {
    atomic {
        run Reader(1);
        run Reader(2);
        run Dying()
    }
}
