-- What is charged is of more kinds than three, and some are no tokens. A call keeps how much it used of each; parts of the
-- input and of the output beside those that were told apart before.
alter table calls add column cache_write_tokens bigint not null default 0;
alter table calls add column cache_write_1h_tokens bigint not null default 0;
alter table calls add column audio_input_tokens bigint not null default 0;
alter table calls add column image_input_tokens bigint not null default 0;
alter table calls add column audio_output_tokens bigint not null default 0;
alter table calls add column image_output_tokens bigint not null default 0;
alter table calls add column images bigint not null default 0;
alter table calls add column characters bigint not null default 0;
alter table calls add column audio_ms bigint not null default 0;
alter table calls add column video_ms bigint not null default 0;
alter table calls add column searches bigint not null default 0;

-- A model's price as the management API writes it, since its kinds are many and most models have few of them: the decimal
-- text of each in credits, or the word "free"; null where there is none.
alter table models add column price text;
update models set price = case
    when free then '"free"'
    when input_nanos is not null and output_nanos is not null then
        '{"input":"' || cast(input_nanos / 1000000000 as text) || '.'
        || substr(cast(1000000000 + input_nanos % 1000000000 as text), 2) || '"'
        || case when cached_input_nanos is null then '' else
            ',"cached_input":"' || cast(cached_input_nanos / 1000000000 as text) || '.'
            || substr(cast(1000000000 + cached_input_nanos % 1000000000 as text), 2) || '"' end
        || ',"output":"' || cast(output_nanos / 1000000000 as text) || '.'
        || substr(cast(1000000000 + output_nanos % 1000000000 as text), 2) || '"}'
    end;
alter table models drop column free;
alter table models drop column input_nanos;
alter table models drop column cached_input_nanos;
alter table models drop column output_nanos;
