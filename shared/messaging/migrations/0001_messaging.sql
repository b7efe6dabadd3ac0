-- Messages out and in. Every service has these tables, in a schema of their own, beside its own.

-- What is to be published, written in the transaction that made it true.
create table messaging.outbox (
    -- Order of announcement. Within one aggregate also the order of commit, because the aggregate's row is locked.
    seq bigint generated always as identity primary key,
    -- The event's identity: CloudEvents id, Nats-Msg-Id, key of every inbox.
    id uuid not null unique,
    -- NATS subject and CloudEvents type in one.
    subject text not null,
    -- Events of one aggregate are published in order.
    aggregate text not null,
    -- The CloudEvent as it goes on the wire.
    body jsonb not null,
    -- W3C trace context of the request that caused it.
    traceparent text,
    -- Null: waiting. Set: acknowledged by JetStream. Kept for a while, because JetStream acknowledges before it flushes.
    published_at timestamptz
);
create index outbox_waiting on messaging.outbox (seq) where published_at is null;
create index outbox_waiting_by_aggregate on messaging.outbox (aggregate, seq) where published_at is null;
create index outbox_published on messaging.outbox (published_at) where published_at is not null;

-- One instance publishes at a time: otherwise two could overtake each other within an aggregate.
create table messaging.relay_lease (
    singleton boolean primary key default true,
    holder uuid,
    lease_until timestamptz not null default '-infinity',
    constraint relay_lease_singleton check (singleton)
);
insert into messaging.relay_lease default values;

-- What has taken effect here, written in the transaction of the effect.
create table messaging.inbox (
    consumer text not null,
    event_id uuid not null,
    received_at timestamptz not null default now(),
    primary key (consumer, event_id)
);
create index inbox_received on messaging.inbox (received_at);

-- What could not take effect, for an operator to look at and redrive.
create table messaging.dead_letter (
    id uuid primary key,
    consumer text not null,
    subject text not null,
    -- As it came; it may not even be JSON.
    body bytea not null,
    error text not null,
    deliveries integer not null,
    failed_at timestamptz not null default now(),
    redriven_at timestamptz,
    redriven_by text,
    constraint dead_letter_redrive_is_audited check ((redriven_at is null) = (redriven_by is null))
);
create index dead_letter_waiting on messaging.dead_letter (id) where redriven_at is null;
