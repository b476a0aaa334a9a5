-- Whether a filter (job_filter.sql) includes final jobs at all; if not, none is looked at.
(cardinality($1::int2[]) = 0 OR $1::int2[] && '{6,7,8,9}')
