-- Staff's lists of drafts and of what is archived, in the order of their pages. Each product stands in the list of one status;
-- products_by_created is that of the active ones.
CREATE INDEX products_drafts ON products (created_at, id) WHERE status = 'draft';
CREATE INDEX products_archived ON products (created_at, id) WHERE status = 'archived';
