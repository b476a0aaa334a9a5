-- Whether a filter (job_filter.sql) includes open jobs at all; if not, none is looked at.
(cardinality($1::int2[]) = 0 OR $1::int2[] && '{1,2,3,4,5}')
