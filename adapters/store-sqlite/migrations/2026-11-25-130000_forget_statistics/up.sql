-- Earlier versions kept statistics at their end. Of a table that was small then and has grown since SQLite believes that it
-- still is, and reads all of it where it has an index. Without statistics it takes the index.

DROP TABLE IF EXISTS sqlite_stat1;
DROP TABLE IF EXISTS sqlite_stat4;
