/*
 * Fences, poison and the words (design P6 and P7): the dying client publishes allocation 0 on its first stream and, if
 * its word is free again, allocation 1 on its second; somebody else publishes allocation 2. See README.md.
 *
 * With SERVICE_DIES the service dies at any step; nobody publishes allocation 2 then.
 *
 * Mutants, each by a macro: COMPLETE_BEFORE_POISON, NO_COMPLETION, WORDS_OF_THE_DEAD, WORD_BEFORE_MARK, NO_CHECK; with
 * SERVICE_DIES also WORDS_BELIEVED, GONE_AFTER_WORD and NO_HELPER.
 */
#define NO_WORD 2
#define MEMBER 0
#define QUARANTINED 1
#define OVER 2
#define DYING 0
#define OTHER 1

mtype = { contents, signal, to_poison, to_word };

/* Shared memory: two fence words; of each allocation the poison bit, and the publication that leads to it. */
byte word[2];
bool is_poisoned[3];
bool is_public[3];
byte fence_word[3];
byte fence_value[3];

bool is_complete[3]; /* the contents */

/* The service's store buffer: poison of an allocation, or a word and its value. */
chan service_stores = [2] of { mtype, byte, byte };
chan requests = [1] of { byte, byte, byte, byte }; /* publish: who, allocation, word, value */
chan replies[2] = [1] of { bool };
bool says_bye = false;

/* One queue for each stream: what to write, into which allocation or word, the value. */
chan stream[3] = [2] of { mtype, byte, byte };

bool is_dead = false;
bool has_child = false;
bool is_cut = false;
bool service_is_dead = false;
bool other_was_granted = false;
byte other_word = NO_WORD;

bool is_gone = false; /* in shared memory: a member has completed a word because the service had died */

byte waiting = 0; /* readers and streams that wait for contents */

#define REACHED(w, v) (word[w] >= (v))

/* step: fastio::complete = load.acquire cas.acq_rel */
active proctype Cores() {
    byte what;
    byte value;
end:
    do
    :: d_step { service_stores?to_poison(what, value) -> is_poisoned[what] = true; what = 0; value = 0 }
    :: d_step {
           service_stores?to_word(what, value) ->
           word[what] = (word[what] >= value -> word[what] : value);
           what = 0;
           value = 0
       }
    od
}

/* A stream, on a GPU that is a process of its own. What a dead client had queued may still be done while a child of it
   lives; later the driver has stopped it. */
proctype Stream(byte number) {
    byte what;
    byte value;
end:
    do
    :: d_step { stream[number]?contents(what, value) -> is_complete[what] = true; what = 0; value = 0 }
    :: d_step {
           stream[number]?signal(what, value) ->
           assert(word[what] <= value); /* a word never goes back */
           word[what] = value;
           what = 0;
           value = 0
       }
    :: number < 2 && is_dead && !has_child -> break
    od
}

/* step: service::Context::publish = get check_right is_pending add publish forget published touch tell */
/* step: client::StreamWords::complete_behind = take signal give_back mark add give_back add.relaxed synchronise */
inline publish_on(number, who, allocation, w, v) {
    atomic { stream[number]!contents(allocation, 0); stream[number]!signal(w, v) };
    requests!who(allocation, w, v)
}

proctype Dying() {
    {
        publish_on(0, DYING, 0, 0, 1);
        replies[DYING]?_;
        if
        :: skip
        :: /* step: client::StreamWords::take_free = has_passed */
#ifndef WORD_BEFORE_MARK
           empty(stream[0]);
#endif
           publish_on(1, DYING, 1, 0, 2);
           replies[DYING]?_
        fi;
        if
        :: empty(stream[0]) && empty(stream[1]) -> says_bye = true
        :: skip
        fi;
        false
    } unless { is_dead || is_cut || service_is_dead }
}

#if defined(SERVICE_DIES) || defined(COMPLETED_WHILE_IT_LIVES)
/* step: client::Client::session_lost = shut_down */
/* step: client::Client::service_lost = complete_waits */
/* step: client::StreamWords::complete_waits = complete_orphan */
/* step: client::StreamWords::remember_wait = complete_orphan is_complete push_back */
/* step: client::StreamWords::complete_orphan = store.release complete */
/* The service dies, at some step. Then the helper threads of consumers complete the words that their streams wait for:
   any word that leads to contents may be one. */
inline complete_orphan(at) {
#ifndef GONE_AFTER_WORD
    is_gone = true;
#endif
    word[fence_word[at]] = (REACHED(fence_word[at], fence_value[at]) -> word[fence_word[at]] : fence_value[at]);
    is_gone = true
}

active proctype Helpers() {
#ifdef SERVICE_DIES
    service_is_dead = true;
#endif
#ifndef NO_HELPER
end:
    do
    :: is_public[0] && !REACHED(fence_word[0], fence_value[0]) -> complete_orphan(0)
    :: is_public[1] && !REACHED(fence_word[1], fence_value[1]) -> complete_orphan(1)
    od
#else
    skip
#endif
}
#endif

active proctype Fate() {
    if
    :: has_child = true
    :: skip
    fi;
    is_dead = true;
    has_child = false
}

/* step: client::StreamWords::ask_for_words = ask load.acquire */
/* step: client::StreamWords::ask = call take_descriptor store.release */
proctype Other() {
    byte value;
    atomic { other_was_granted -> value = word[other_word] + 1 };
    publish_on(2, OTHER, 2, other_word, value);
    replies[OTHER]?_
}

/* step: client::get = check acquire acquire_waiting find check_not_lost await_contents is_poisoned acquire_contents staging stage */
/* step: client::await_contents = is_complete check_completion staging wait_in_stream wait_for_contents check_completion */
/* A reader writes nothing that others read, so that one, which goes either way, stands for any number of them. */
proctype Reader() {
    byte at;
    bool is_good;
end:
    if
    :: atomic { is_public[0] -> at = 0; waiting++ }
    :: atomic { is_public[1] -> at = 1; waiting++ }
    :: atomic { is_public[2] -> at = 2; waiting++ }
    fi;
    if
    :: skip; /* step: client::wait_for_contents = is_complete is_poisoned check_open pause */
       if
       :: atomic { REACHED(fence_word[at], fence_value[at]) || is_poisoned[at] -> waiting-- }
       :: atomic { service_is_dead -> waiting--; goto lost }
       fi;
       /* step: client::check_completion = may_be_orphans service_is_dead */
       /* step: client::StreamWords::may_be_orphans = load.acquire */
#ifndef WORDS_BELIEVED
       if
       :: is_gone && service_is_dead -> goto lost
       :: !(is_gone && service_is_dead)
       fi;
#endif
       /* Poisoned: get says producer_lost. */
       atomic { assert(is_poisoned[at] || is_complete[at]); goto lost }
    :: skip; /* step: client::StreamWords::wait_in = find wait_for remember_wait wait */
       atomic { REACHED(fence_word[at], fence_value[at]) -> is_good = is_complete[at] /* its kernel */; waiting-- };
       /* step: fastio::Allocation::check = get allocation_state service_is_dead check_not_lost */
#ifdef NO_CHECK
       assert(is_good)
#else
       assert(is_good || is_poisoned[at] || service_is_dead)
#endif
    fi;
lost:
    atomic { at = 0; is_good = false }
}

/* The service's records of what is pending, by word. */
bool is_pending[2];
byte pending_of[2];
byte pending_allocation[2];
byte pending_value[2];
bool pending_poisoned[2];
byte stage = MEMBER;
bool word_0_is_free = false;

inline store_poison(w) {
    if
    :: !pending_poisoned[w] ->
        pending_poisoned[w] = true;
        service_stores!to_poison(pending_allocation[w], 0);
        empty(service_stores)
    :: else
    fi
}

/* step: service::Fences::poison = is_complete push_back poison */
inline poison(w) {
    if
    :: is_pending[w] && !REACHED(w, pending_value[w]) -> store_poison(w)
    :: else
    fi
}

/* step: service::Fences::expire = is_complete poison complete erase */
/* step: service::Fences::finish = poison complete give_back retire */
inline give_up(w) {
    if
    :: is_pending[w] && !REACHED(w, pending_value[w]) ->
#ifdef COMPLETE_BEFORE_POISON
        service_stores!to_word(w, pending_value[w]);
        store_poison(w)
#else
        store_poison(w);
        service_stores!to_word(w, pending_value[w])
#endif
    :: else
    fi
}

inline forget(w) {
    is_pending[w] = false;
    pending_of[w] = 0;
    pending_allocation[w] = 0;
    pending_value[w] = 0;
    pending_poisoned[w] = false
}

inline serve() {
    if
    :: who == DYING && stage != MEMBER -> skip
    :: else ->
        if
        :: is_pending[w] && !REACHED(w, pending_value[w]) -> replies[who]!false /* step: service::Fences::is_pending = owns find is_complete reached */
        :: else ->
            if
            :: !REACHED(w, value) ->
                is_pending[w] = true;
                pending_of[w] = who;
                pending_allocation[w] = at;
                pending_value[w] = value;
                pending_poisoned[w] = false;
                fence_value[at] = value
            :: else
            fi;
            fence_word[at] = w;
            is_public[at] = true;
            replies[who]!true
        fi
    fi;
    who = 0;
    at = 0;
    w = 0;
    value = 0
}

active proctype Service() {
    byte who;
    byte at;
    byte w;
    byte value;
    {
end:
    do
    :: atomic { requests?who(at, w, value); serve() }
    /* step: table::FenceBook::grant = reserve reserve push_back */
    :: atomic { other_word == NO_WORD -> other_word = (word_0_is_free -> 0 : 1); other_was_granted = true }
    :: atomic { stage == MEMBER && says_bye -> stage = OVER; word_0_is_free = true; give_up(0); forget(0) }
    /* step: service::FenceWatch::producer_died = poison */
    :: atomic { stage == MEMBER && !says_bye && !is_dead -> is_cut = true; stage = QUARANTINED; poison(0) }
    :: atomic { stage == MEMBER && is_dead && !says_bye && empty(requests) -> stage = QUARANTINED;
#ifdef WORDS_OF_THE_DEAD
       word_0_is_free = true;
#endif
       poison(0) }
    /* step: service::FenceWatch::producer_gone = finish */
    :: atomic { stage == QUARANTINED && is_dead && !has_child && other_word != 0 -> stage = OVER;
#ifndef NO_COMPLETION
       give_up(0);
#endif
       forget(0) }
    /* step: service::FenceWatch::on_limit = reset touch expire rearm */
    /* step: service::FenceWatch::service_ends = expire */
#ifndef NO_COMPLETION
    :: atomic { is_pending[0] && !REACHED(0, pending_value[0]) && empty(service_stores) -> give_up(0); forget(0) }
#endif
    /* step: service::Fences::oldest = is_complete */
    :: atomic { is_pending[0] && REACHED(0, pending_value[0]) -> forget(0) }
    od
    } unless { service_is_dead }
}

/* Nothing can move any more: no reader and no stream waits for contents. */
active proctype End() {
    timeout;
    assert(waiting == 0)
}

init {
    atomic {
        run Stream(0);
        run Stream(1);
        run Stream(2);
        run Dying();
#ifndef SERVICE_DIES
        run Other();
#endif
        run Reader()
    }
}
