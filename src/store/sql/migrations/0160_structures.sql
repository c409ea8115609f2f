-- The structure of a document over its pages, as JSON: what its file says of it, and what was derived by a version of the program. No row:
-- none was asked for since the document was made or changed. Servers of the version before do not read it; a page that they replace
-- is told by its hash.
CREATE TABLE document_structures (
    document_id TEXT   PRIMARY KEY REFERENCES documents (id) ON DELETE CASCADE,
    version     BIGINT NOT NULL,
    guides      TEXT   NOT NULL,
    structure   TEXT   NOT NULL
);
