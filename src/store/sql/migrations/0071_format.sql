-- What a program must know to work on this data. A migration that makes older programs misread it raises this, and `FORMAT` in `sql.rs`.
CREATE TABLE format (needed BIGINT NOT NULL);
INSERT INTO format (needed) VALUES (1);
