-- Pictures that staff upload: drawings as before, and photographs. A program from before this migration goes on to read
-- and write drawings, and shows a photographed product as one without a picture.

alter table picture
    alter column svg drop not null,
    add column media_type text not null default 'image/svg+xml',
    add column content bytea, -- of anything but a drawing
    add constraint picture_media_type_known
        check (media_type in ('image/svg+xml', 'image/png', 'image/jpeg', 'image/webp')),
    add constraint picture_is_a_drawing_or_bytes
        check (case media_type when 'image/svg+xml' then svg is not null and content is null
                               else svg is null and content is not null end);
