-- What a job waits for, to be told to whoever waits for the job.
ALTER TABLE jobs ADD COLUMN hindered_by TEXT;
