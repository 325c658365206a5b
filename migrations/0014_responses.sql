-- A provider that is compatible with OpenAI may speak its Responses API or not, and nothing tells but its operator. Null is
-- what is known by itself: OpenAI does, and Azure.
alter table providers add column responses boolean;
