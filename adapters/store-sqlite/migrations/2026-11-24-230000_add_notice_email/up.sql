-- Where the user is told of changes by e-mail.
ALTER TABLE users ADD COLUMN notice_email TEXT;
