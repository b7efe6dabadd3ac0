-- Runs once, when a database server is new: a role for the service, which owns one database and nothing else.
-- The superuser belongs to nobody. `order` is a word of SQL, hence the quoted variables.
\getenv service SERVICE
\getenv password SERVICE_PASSWORD

create role :"service" login nosuperuser nocreatedb nocreaterole password :'password';
create database :"service" owner :"service";
revoke all on database :"service" from public;
revoke all on database postgres from public;
