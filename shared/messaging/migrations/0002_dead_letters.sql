-- Dead letters as an operator needs them, and a record of what operators did to them.

-- Which effects failed, and how often: deliveries do not tell, since a message may be delivered and handed back untried.
create table messaging.failure (
    consumer text not null,
    event_id uuid not null,
    attempts integer not null,
    first_failed_at timestamptz not null default now(),
    last_failed_at timestamptz not null default now(),
    primary key (consumer, event_id)
);
create index failure_last on messaging.failure (last_failed_at);

alter table messaging.dead_letter
    -- How often its effect was tried; 0 if it could not even be read.
    add column attempts integer not null default 0,
    -- As they came: names, each with its values.
    add column headers jsonb not null default '{}',
    -- When it came to the stream.
    add column published_at timestamptz,
    add column first_failed_at timestamptz not null default now(),
    add column discarded_at timestamptz,
    add column discarded_by text,
    add constraint dead_letter_discard_is_audited check ((discarded_at is null) = (discarded_by is null)),
    add constraint dead_letter_settled_once check (redriven_at is null or discarded_at is null);
update messaging.dead_letter set first_failed_at = failed_at;

-- A message that is set aside again, because its acknowledgement was lost, is no second letter.
delete from messaging.dead_letter as later using messaging.dead_letter as earlier
where later.redriven_at is null and earlier.redriven_at is null
  and later.consumer = earlier.consumer and later.body = earlier.body and later.id > earlier.id;
create unique index dead_letter_waits_once on messaging.dead_letter (consumer, sha256(body))
    where redriven_at is null and discarded_at is null;

-- What an operator did to a dead letter, and what came of it. Only ever added to.
create table messaging.dead_letter_action (
    id uuid primary key,
    dead_letter_id uuid not null constraint dead_letter_action_letter references messaging.dead_letter,
    action text not null,
    outcome text not null,
    -- Why it failed, or why it was discarded.
    detail text,
    -- Of the operator's token.
    subject text not null,
    client_id text not null,
    at timestamptz not null default clock_timestamp(),
    constraint dead_letter_action_outcome check (
        (action = 'redrive' and outcome in ('took_effect', 'had_taken_effect', 'failed'))
        or (action = 'discard' and outcome = 'discarded')),
    constraint dead_letter_action_detail check ((detail is not null) = (outcome in ('failed', 'discarded')))
);
create index dead_letter_action_by_letter on messaging.dead_letter_action (dead_letter_id, id);

create function messaging.refuse_change() returns trigger language plpgsql as $$
begin
    raise exception '% is append-only', tg_table_name using errcode = 'restrict_violation', constraint = 'append_only';
end
$$;

create trigger dead_letter_action_append_only before update or delete or truncate on messaging.dead_letter_action
    for each statement execute function messaging.refuse_change();
