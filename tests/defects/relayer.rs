//! What relayers do wrong. Numbers are those of the registers that the parts of the relayer were built against.

use super::{Page, Table};

pub(super) const PAGE: Page =
    Page { file: "docs/relayer-defects.md", subject: "relayers", reasons: REASONS, not_yet: NOT_YET, tables: TABLES };

/// Why a row has no test.
const REASONS: &[(&str, &str)] = &[
    ("R-24", "void: nothing is announced that could be missed; heights, keys and parameters are asked for"),
    ("S-3", "void: there are no consumers with entries of their own; whoever owns a supplier reads its log"),
];

/// Rows whose tests are still to be written. The page says so.
const NOT_YET: &[&str] = &[];

const TABLES: &[Table] = &[
    Table {
        title: "Defects",
        about: "Found in the network's Go relay miner.",
        rows: &[
            ("D-01", "A relayer without keys does not start."),
            (
                "D-02",
                "No transport answers, signs or records a relay whose session, supplier and signature were not verified.",
            ),
            ("D-03", "A port that cannot be opened ends the process."),
            ("D-04", "Connections, and bodies in progress, are bounded; what comes beyond is refused cheaply."),
            ("D-05", "Readiness is false while something is missing that relays need."),
            ("D-06", "The relay port shows no URL of a backend, and nothing shows its credentials."),
            ("D-07", "A shutdown loses no answered relay, finishes what is in progress, and tells callers first."),
            ("D-08", "A key of the configuration that nothing reads is an error with a hint; leniently a warning."),
            ("D-09", "A body cap of 0 is the default, and a service may raise its cap as well as lower it."),
            ("D-10", "0 means what is documented: unlimited, off, or the default."),
            ("D-11", "Budgets live under the prefix of everything else; a different one is refused."),
            ("D-12", "What a file leaves out has the documented default."),
            ("D-13", "A refusal is valid JSON whatever its text holds."),
            ("D-14", "Only verified relays are charged to a budget, and what gets no answer to pay for is given back."),
            (
                "D-15",
                "No path climbs out of the base path; escapes and a slash at the end reach the backend as they came.",
            ),
            ("D-16", "What a small compressed answer may grow into is bounded."),
            ("D-17", "Every queue is bounded, and overload is refused before a backend is asked."),
            ("D-18", "Backends may be `grpc://` and `grpcs://`."),
            ("D-19", "A WebSocket frame that is no relay reaches nobody and closes the socket."),
            ("D-20", "When budgets cannot be known, all transports do what the policy says."),
            ("D-21", "No frame, header or signature can bring a task down, and no socket outlives its partner."),
            (
                "D-22",
                "Each pushed message is charged before it leaves; an exhausted budget closes the socket with 4002.",
            ),
            ("D-23", "Close codes that must not be sent are never sent."),
            ("D-24", "Sockets live through the grace period, and every session on one ends by its own end."),
            ("D-25", "A replay is remembered only after the signature was verified."),
            ("D-26", "A line of a stream leaves in time although no other follows."),
            ("D-27", "A stream is not kept in memory as a whole."),
            (
                "D-28",
                "An answer that is too large blames no backend and is not asked for again; the cap is the service's.",
            ),
            ("D-29", "A relay that is recorded too late is counted and not claimed."),
            ("D-30", "A relay is judged by one height, that of its arrival."),
            ("D-31", "Nothing is logged at `info` for each relay."),
            ("D-32", "Trouble with the chain is 503; 403 only for what is proven wrong."),
            ("D-33", "Without Redis relays of known sessions are served on, and without the chain as well."),
            ("D-34", "A time-out or a caller that leaves neither opens nor closes a breaker."),
            ("D-35", "A backend that comes back gets one request first, after growing pauses."),
            ("D-36", "Nothing that a caller can send counts against a backend."),
            ("D-37", "Backends for WebSocket and gRPC are probed in their own way."),
            ("D-38", "All tries share one deadline, and only what is safe is tried again."),
            ("D-39", "A setting that does not exist costs no question for each relay."),
            ("D-40", "Budgets of ended sessions are forgotten."),
            ("D-41", "A budget that is created anew after Redis lost it still ends with its session."),
            ("D-42", "Two relayers that create a budget at once lose nothing that was spent."),
            ("D-43", "A key file whose address is not that of its key is refused."),
            ("D-44", "A relay for a supplier whose key is not here is refused before anything is asked."),
            ("D-45", "Nobody takes away a lock or lease of somebody else."),
            ("D-46", "A slow question to the chain delays only those who ask the same."),
            ("D-47", "The height never goes back."),
            ("D-48", "A relay is built, signed and hashed once: what is recorded is what the caller got."),
            (
                "D-49",
                "Relays that were answered while Redis was away are recorded when it is back, within a bounded memory.",
            ),
            ("D-50", "Nothing that may still be claimed has a time to live in Redis."),
            ("D-51", "Everything that is counted is shown."),
            ("D-52", "No caller can add labels to metrics."),
            ("D-53", "Large rings and short signatures cost less than a refusal is worth."),
        ],
    },
    Table {
        title: "Missing features",
        about: "What operators of it ask for.",
        rows: &[
            ("G-01", "Keys, services, backends, identities and the log level change without a restart."),
            ("G-02", "Readiness and liveness mean something, and are two."),
            ("G-03", "TLS on the relay port and to backends, with credentials from files."),
            ("G-04", "Sockets are bounded in number, and what they open with is verified."),
            ("G-05", "Probes judge height and chain of a node; requests can be balanced by load and weight."),
            ("G-06", "An old height is seen, and there is more than one source of it."),
            (
                "G-07",
                "Relays wait in memory while Redis is away, are written in batches, and callers hear of a full memory.",
            ),
            ("G-08", "gRPC streams in both directions, with the caller's deadline."),
            ("G-09", "Keys in Redis carry cluster hash tags, and nothing scans the keyspace."),
            ("G-10", "Parameters that change while a session runs do not change that session."),
            ("G-11", "Each relay weighs what its service costs, on every transport."),
            ("G-12", "Every transport has the same metrics, and refusals that pass say when to come back."),
            ("G-13", "Over-serving is a switch of its own, and the share of an application can be bounded."),
        ],
    },
    Table {
        title: "Incidents",
        about: "What went wrong in its operation, and the rules that followed.",
        rows: &[
            (
                "R-01",
                "Requests go to backends of exactly their kind; unknown kinds and wrong schemes are refused at start.",
            ),
            (
                "R-02",
                "Only network faults and server errors count against a backend, never a caller's or an operator's mistake.",
            ),
            ("R-03", "On every transport: served means recorded."),
            ("R-04", "Signing and recording have time of their own after a slow backend."),
            ("R-05", "Only what a backend answered is recorded, over the same bytes for all transports."),
            ("R-06", "The headers inside a relay win over those around it."),
            ("R-07", "Paths are joined by one tested function, without doubled or lost parts."),
            ("R-08", "A relayer that has just started serves the suppliers whose keys it has."),
            ("R-09", "A question that failed is never remembered as \"nothing there\"."),
            ("R-10", "Each supplier has a budget of its own in a session."),
            ("R-11", "Budgets are computed as the chain computes what it pays."),
            ("R-12", "A changed stake or setting counts within bounded time, without a restart."),
            ("R-13", "Nothing that the chain says can bring the process down."),
            ("R-14", "An exhausted budget is 429."),
            ("R-15", "Callers that leave, and time-outs, do not take a backend out."),
            ("R-16", "A backend that is out always has a way back."),
            ("R-17", "One writer for each socket; size and time of every peer are bounded."),
            ("R-18", "Text stays text and binary stays binary through the bridge."),
            ("R-19", "Each pushed message is a relay with a hash of its own."),
            ("R-20", "A test client signs every relay anew."),
            ("R-21", "Each service has its time-out, and streams are not cut by another's."),
            ("R-22", "Nothing scans the keyspace, and gauges are computed, so they cannot drift."),
            ("R-23", "No relay waits in a sleep for a lock."),
            ("R-24", "What changed before a relayer listened for changes is not missed."),
            ("R-25", "Difficulty, compute units and parameters are those of the session's start."),
            (
                "R-26",
                "Disabled simulations do nothing; a simulated relay cannot be replayed and is never counted as a real one.",
            ),
            ("R-27", "Ring signatures agree with the chain's in every bit, over thousands of them."),
        ],
    },
    super::SEEN,
];
