-- What a rule would have refused is worked out from the cost of every call of its keys over 30 days, a million maybe:
-- read off this index alone, in its order, without touching the calls.
create index calls_settled on calls (key_id, at, cost_nanos) where state = 'settled';
