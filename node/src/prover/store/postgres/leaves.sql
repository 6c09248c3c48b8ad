-- Leaves that change hands: each has the number of its last change, and may be nobody's.
ALTER TABLE members ADD COLUMN number bigint;
UPDATE members SET number = index + 1;
ALTER TABLE members
    ALTER COLUMN number SET NOT NULL,
    ALTER COLUMN member DROP NOT NULL,
    ALTER COLUMN name DROP NOT NULL,
    DROP CONSTRAINT members_member_key,
    DROP CONSTRAINT members_name_key;
CREATE UNIQUE INDEX members_number ON members (number);
CREATE INDEX members_member ON members (member);
CREATE INDEX members_name ON members (name);
INSERT INTO heads SELECT 'members', coalesce(max(number), 0) FROM members;
