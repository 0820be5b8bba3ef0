// Rules as the CoffeeScript had them: its names, and everything on `this`.
import { fields, rules } from 'couch-shares/rules'

export default rules(function () {
  if (this.is_admin()) return
  this.enforce_logged_in()
  this.forbid_deletion()
  this.forbid_creation()
  this.enforce_might()
  this.enforce_updated_by()
  if (this.validate_type() !== 'local-number') this.forbidden('Only local numbers.')
  this.restrict_adding_fields(['language'])
  this.restrict_removing_fields(['language'])
  this.restrict_modifying_fields(['updated_by', 'language', 'timezone', 'disabled'])
  this.validate_fields({
    timezone: fields.timezone,
    language: fields.optional(fields.language),
    disabled: fields.boolean,
  })
})
