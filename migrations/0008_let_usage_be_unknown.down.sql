-- Undoes 0008_let_usage_be_unknown.up.sql: what nobody has counted is zero again.
UPDATE jobs_final
SET prompt_tokens = coalesce(prompt_tokens, 0), completion_tokens = coalesce(completion_tokens, 0)
WHERE prompt_tokens IS NULL OR completion_tokens IS NULL;
ALTER TABLE jobs_final ALTER COLUMN prompt_tokens SET NOT NULL,
                       ALTER COLUMN completion_tokens SET NOT NULL;
